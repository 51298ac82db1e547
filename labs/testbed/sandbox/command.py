"""The command line that confines a program, wrapper by wrapper."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from labs.testbed import leftovers
from labs.testbed.sandbox.accounts import WRAPPED, Account, become, may_change_uid
from labs.testbed.sandbox.levels import (
    PATH,
    Level,
    bubblewrap_options,
    interpreter_folders,
    may_empty_the_network,
    tool,
)
from labs.testbed.sandbox.limits import Limits, limited

_INSIDE = "1000"  # uid and gid that a program sees itself as, in bubblewrap
_NAMES = ("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf")


def command_line(
    argv: Sequence[str],
    level: Level,
    folders: Sequence[Path],
    network: int | None,
    limits: Limits,
    account: Account | None,
) -> list[str]:
    """`argv` with all in front of it that confines it at `level`; the arguments are those of `sandbox.launch`."""
    enter = [tool("nsenter"), f"--net=/proc/{network}/ns/net", "--"] if network is not None else []
    first_to_go = [tool("choom"), "--adjust", "1000", "--"] if level is not Level.NONE else []
    match level:
        case Level.NONE:
            # Neither processes, which are counted for all that the user runs, nor anything where there is no prlimit.
            return [*enter, *(limited(limits) if shutil.which("prlimit", path=PATH) else []), *argv]
        case Level.OTHER_UID:
            assert account is not None
            if network is None and may_empty_the_network():
                enter = [tool("unshare"), "--net", "--ipc", "--"]
            other = [*become(account.uid), "--pdeathsig", "KILL", "--"]
            return [*enter, *first_to_go, *other, *limited(limits, limits.processes), *argv]
        case Level.BUBBLEWRAP:
            wrapped = _wrapped(folders, network, limits)
            return [*enter, *first_to_go, *wrapped, "--", *limited(limits, limits.processes), *argv]


def _wrapped(folders: Sequence[Path], network: int | None, limits: Limits) -> list[str]:
    view = _view(folders, limits, names=network is not None)
    confined = [tool("bwrap"), *view, *_namespaces(limits, keep_network=network is not None)]
    if not may_change_uid():
        return confined
    # Its PID namespace dies with it: a "parent death signal" from root's process, which has dropped its capabilities,
    # may not reach another user's. The second bubblewrap looks itself up in /proc, so that must be this namespace's;
    # and one that the first had mounted would be masked, so that the second could not mount its own.
    mortal = [tool("setpriv"), "--pdeathsig", "KILL", "--"]
    numbered_anew = [*mortal, tool("unshare"), "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
    rest = ["--dev-bind", "/proc", "/proc", "--dev-bind", "/dev", "/dev", "--die-with-parent", "--"]
    return [*numbered_anew, tool("bwrap"), *view, *rest, *become(WRAPPED), "--", *confined]


def _view(folders: Iterable[Path], limits: Limits, *, names: bool) -> list[str]:
    """The file system as options of bubblewrap: system, interpreter, `folders`; with `names`, how names resolve."""
    view = ["--ro-bind", "/usr", "/usr"]
    for path in map(Path, ("/bin", "/sbin", "/lib", "/lib32", "/lib64")):
        if path.is_symlink():
            view += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            view += ["--ro-bind", str(path), str(path)]
    view += _small_tmpfs("/tmp", limits)  # before the folders: some may lie below it
    for path in sorted({*interpreter_folders(), *folders, *(map(Path, _NAMES) if names else ())}):
        for parent in reversed(path.parents[:-1]):
            view += ["--dir", str(parent)]  # made by itself, bubblewrap would close it to others
        view += ["--ro-bind-try" if str(path) in _NAMES else "--ro-bind", str(path), str(path)]
    return view


def _namespaces(limits: Limits, *, keep_network: bool) -> list[str]:
    options = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    options += [] if keep_network else ["--unshare-net"]
    options += ["--disable-userns"] if "--disable-userns" in bubblewrap_options() else []
    options += ["--uid", _INSIDE, "--gid", _INSIDE, "--cap-drop", "ALL", "--die-with-parent"]
    options += ["--unsetenv", leftovers.MARK, "--proc", "/proc", "--dev", "/dev", *_small_tmpfs("/dev/shm", limits)]
    # Both are file systems in memory that belong to the program's user, who could fill them.
    return [*options, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]


def _small_tmpfs(place: str, limits: Limits) -> list[str]:
    size = ["--size", str(limits.tmp_bytes)] if "--size" in bubblewrap_options() else []
    return [*size, "--tmpfs", place]
