"""Running somebody else's program so that it can harm neither the machine, nor its grade, nor its neighbours.

Three levels, told apart because each protects from less than the one before:

|  | bubblewrap (1) | another uid (2) | none (0) |
| --- | --- | --- | --- |
| can read | the system, the interpreter, what is handed over | what everybody may | what its user may |
| can write | a `/tmp` of its own, limited in size | its own folder, and `/tmp` | what its user may |
| sees processes | its own | all | all |
| signals processes | its own | its own | its user's |
| network | the one given, or an empty one | the same, if root may make one | the one given, or the caller's |
| limits | memory, CPU time, size of a file, number of processes | the same | all but the last |
| `end` leaves | nothing | nothing | what wiped its environment |

Limits on memory and CPU time hold for each process; their sum is bounded by the number of processes and by the caller's
deadline. If memory runs out all the same, the kernel takes the sandboxed first. Left out: control groups, which plain
users cannot have, and a filter of system calls: there are no capabilities and no further user namespaces inside.

**Level 1 as root** takes two bubblewraps. The first runs as root and builds the view, so it reaches an interpreter in
`/root` or a checkout that only root may enter; the second runs as an unprivileged user *inside that view* and makes
the namespaces. Were there only one, started as root, the program would be the kernel's user 0, whose number of
processes is never limited; were there only one, started as the user, it could not reach what it has to show.

**Level 2** gives each run a user of its own, from a range that neither Debian nor systemd uses, so that `kill -9 -1`
finds nobody but itself, and so that we find all that it started.
"""

import enum
import fcntl
import functools
import os
import re
import resource
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labs.testbed import leftovers

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ENVIRONMENT = {
    "PATH": _PATH,
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}
_INSIDE = "1000"  # uid and gid that a program sees itself as, in bubblewrap
# 60706 to 61183 is the gap in systemd's table of users ("Users, Groups, UIDs and GIDs on systemd systems").
_WRAPPED, _EXECUTIONER, _ACCOUNTS = 60706, 60707, range(60708, 61184)
_LOCKS = Path("/run/downstack")
_SHARED_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
_NAMES = ("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf")
_APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")


class Level(enum.IntEnum):
    """How a program is kept apart. Not an order: 1 protects best."""

    NONE = 0
    BUBBLEWRAP = 1
    OTHER_UID = 2


class Unavailable(Exception):
    """A level cannot be had here, or not for these folders; the text says why, and what would help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a program may use. Memory and CPU time are for each of its processes, `tmp_bytes` holds at level 1 only."""

    cpu_seconds: int = 20
    memory_bytes: int = 1 << 30
    processes: int = 40
    file_bytes: int = 16 << 20
    tmp_bytes: int = 32 << 20
    open_files: int = 256


_STANDARD = Limits()


@dataclass(frozen=True, slots=True)
class _Account:
    """A user that belongs to one run, as long as `lock` is open, and the folder where that user is at home."""

    uid: int
    lock: int
    home: Path


class Confined(subprocess.Popen[bytes]):
    """A launched program. `wait` and `poll` tell how it ended: see `ending`."""

    def __init__(self, command: Sequence[str], mark: str, level: Level, account: _Account | None, **how: Any) -> None:
        self.mark, self.level, self.account = mark, level, account
        super().__init__(command, **how)

    def send_signal(self, sig: int) -> None:
        """Send a signal to the program itself; SIGKILL goes to what holds it, and so to all of it."""
        if self.level is not Level.BUBBLEWRAP or sig == signal.SIGKILL:
            super().send_signal(sig)
        elif self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(leftovers.program_of(self.pid), sig)


def launch(
    argv: Sequence[str],
    *,
    level: Level,
    readable: Sequence[Path],
    descriptors: Sequence[int] = (),
    network: int | None = None,
    limits: Limits = _STANDARD,
    environment: Mapping[str, str] | None = None,
    stdout: Any,
    stderr: Any,
) -> Confined:
    """Start `argv` at `level`; the caller must `end` it, whatever happens.

    `readable` folders and files appear at their own paths, read-only; `descriptors` keep their numbers; `network` is
    the process whose network namespace to use (None: an empty one, where the level gives one). `stdout` and `stderr`
    are as for `subprocess.Popen`. Raises `Unavailable`.

    The kernel kills the program when the *thread* that launched it ends: launch from one that lasts.
    """
    folders = [path.absolute() for path in readable]
    account = _open_account() if level is Level.OTHER_UID else None
    mark = secrets.token_hex(8)
    home = _home(level, account)
    try:
        _check_access(folders, level)
        return Confined(
            _command(argv, level, folders, network, limits, account),
            mark=mark,
            level=level,
            account=account,
            env={**_ENVIRONMENT, **home, **(environment or {}), leftovers.MARK: mark},
            cwd=account.home if account else "/tmp",
            pass_fds=descriptors,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
    except BaseException:
        if account:
            _close_account(account)
        raise


def _home(level: Level, account: _Account | None) -> dict[str, str]:
    """Where a program is at home: in its account's folder, or its user's; never in a /tmp that others write to."""
    if account is not None:
        return {"HOME": str(account.home), "TMPDIR": str(account.home)}
    return {"HOME": str(Path.home())} if level is Level.NONE else {}


def end(process: Confined) -> None:
    """Kill everything that was launched, wait until it is gone, and remove what it left behind. May be called twice."""
    if process.account:
        leftovers.kill_owned(process.account.uid, executioner=_EXECUTIONER)
    leftovers.kill_marked(process.mark, leader=process.pid if process.returncode is None else None)
    if process.poll() is None:  # there is no /proc to find it in
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.account:
        _close_account(process.account)
        process.account = None


def ending(code: int) -> str:
    """How a launched program ended, in words, from its return code: "exited with 3", "was killed by SIGKILL".

    bubblewrap, like a shell, tells signal 9 as 137; a program that exits with 137 of its own will looks the same.
    """
    number = -code if code < 0 else code - 128
    if number in set(signal.Signals):
        return f"was killed by {signal.Signals(number).name}"
    return f"exited with {code}" if code >= 0 else f"was killed by signal {number}"


# Which level can be had.


@functools.cache
def best_level() -> tuple[Level, str]:
    """The best level that works here, tried out by starting this interpreter; what it lacks, why there is no better."""
    if sys.platform != "linux":
        return Level.NONE, "a sandbox needs Linux"
    no_bubblewrap = why_not(Level.BUBBLEWRAP)
    if not no_bubblewrap:
        return Level.BUBBLEWRAP, "; ".join(_weaknesses())
    if os.geteuid() != 0:
        return Level.NONE, f"{no_bubblewrap}; and only root can run programs as another user"
    no_account = why_not(Level.OTHER_UID)
    if no_account:
        return Level.NONE, f"{no_bubblewrap}; and not as another user: {no_account}"
    seen = "all processes" if _may_empty_the_network() else "all processes and the network of this machine"
    return Level.OTHER_UID, f"{no_bubblewrap}; as another user, programs see {seen}, and what everybody may read"


@functools.cache
def why_not(level: Level) -> str:
    """Why this interpreter does not start at `level`; "" when it does."""
    try:
        process = launch(
            [sys.executable, "-I", "-c", "pass"],
            level=level,
            readable=(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    except (Unavailable, OSError) as problem:
        return str(problem)
    try:
        _, said = process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        return f"{sys.executable} did not start within 10 s"
    finally:
        end(process)
    return _explained(said.decode(errors="replace").strip(), process.returncode)


def _explained(said: str, code: int) -> str:
    if code == 0:
        return ""
    if _APPARMOR.exists() and _APPARMOR.read_text().strip() != "0" and os.geteuid() != 0:
        return "AppArmor forbids plain users to make namespaces (kernel.apparmor_restrict_unprivileged_userns is 1)"
    last = said.splitlines()[-1] if said else ""
    return last or f"{sys.executable} {ending(code)}"


def _weaknesses() -> Iterator[str]:
    if not {"--size", "--disable-userns"} <= _offered_options():
        yield "this bubblewrap is older than 0.8: /tmp is not limited in size, and user namespaces can be made inside"
    if not _may_change_uid() and os.geteuid() == 0 and _is_kernels_root():
        yield "the number of processes is not limited, because they run as the kernel's root in a user namespace"
    if any(Path(__file__).is_relative_to(folder) for folder in (Path("/usr"), *_interpreter())):
        yield "the course lies in the interpreter's own folders, where programs can read it: install it editable"


# The command line, wrapper by wrapper.


def _command(
    argv: Sequence[str],
    level: Level,
    folders: Sequence[Path],
    network: int | None,
    limits: Limits,
    account: _Account | None,
) -> list[str]:
    enter = [_tool("nsenter"), f"--net=/proc/{network}/ns/net", "--"] if network is not None else []
    first_to_go = [_tool("choom"), "--adjust", "1000", "--"] if level is not Level.NONE else []
    match level:
        case Level.NONE:
            # Neither processes, which are counted for all that the user runs, nor anything where there is no prlimit.
            return [*enter, *(_limited(limits) if shutil.which("prlimit", path=_PATH) else []), *argv]
        case Level.OTHER_UID:
            assert account is not None
            if network is None and _may_empty_the_network():
                enter = [_tool("unshare"), "--net", "--ipc", "--"]
            become = [*_become(account.uid), "--pdeathsig", "KILL", "--"]
            return [*enter, *first_to_go, *become, *_limited(limits, limits.processes), *argv]
        case Level.BUBBLEWRAP:
            wrapped = _wrapped(folders, network, limits)
            return [*enter, *first_to_go, *wrapped, "--", *_limited(limits, limits.processes), *argv]


def _wrapped(folders: Sequence[Path], network: int | None, limits: Limits) -> list[str]:
    view = _view(folders, limits, names=network is not None)
    confined = [_tool("bwrap"), *view, *_namespaces(limits, keep_network=network is not None)]
    if not _may_change_uid():
        return confined
    # Its PID namespace dies with it: a "parent death signal" from root's process, which has dropped its capabilities,
    # may not reach another user's. The second bubblewrap looks itself up in /proc, so that must be this namespace's;
    # and one that the first had mounted would be masked, so that the second could not mount its own.
    mortal = [_tool("setpriv"), "--pdeathsig", "KILL", "--"]
    numbered_anew = [*mortal, _tool("unshare"), "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
    rest = ["--dev-bind", "/proc", "/proc", "--dev-bind", "/dev", "/dev", "--die-with-parent", "--"]
    return [*numbered_anew, _tool("bwrap"), *view, *rest, *_become(_WRAPPED), "--", *confined]


def _become(uid: int) -> list[str]:
    """Start the next command as `uid`, which has no capabilities and no way to get any."""
    who = ["--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
    return [_tool("setpriv"), *who, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]


def _limited(limits: Limits, processes: int | None = None) -> list[str]:
    """Limits are set right before the program starts: the number of processes counts for each user namespace."""
    wanted = {
        "as": (resource.RLIMIT_AS, limits.memory_bytes),
        "fsize": (resource.RLIMIT_FSIZE, limits.file_bytes),
        "nofile": (resource.RLIMIT_NOFILE, limits.open_files),
        "core": (resource.RLIMIT_CORE, 0),
    }
    if processes is not None:
        wanted["nproc"] = (resource.RLIMIT_NPROC, processes)
    # First SIGXCPU, which says what was wrong; SIGKILL a second later, for those who ignore it.
    cpu = [_at_most(resource.RLIMIT_CPU, limits.cpu_seconds + more) for more in (0, 1)]
    others = [f"--{name}={_at_most(*limit)}" for name, limit in wanted.items()]
    return [_tool("prlimit"), "--cpu={}:{}".format(*cpu), *others, "--"]


def _at_most(what: int, wanted: int) -> int:
    """`wanted`, or the hard limit that we have ourselves, which no plain user can raise."""
    _, hard = resource.getrlimit(what)
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def _view(folders: Iterable[Path], limits: Limits, *, names: bool) -> list[str]:
    """The file system as options of bubblewrap: system, interpreter, `folders`; with `names`, how names resolve."""
    view = ["--ro-bind", "/usr", "/usr"]
    for path in map(Path, ("/bin", "/sbin", "/lib", "/lib32", "/lib64")):
        if path.is_symlink():
            view += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            view += ["--ro-bind", str(path), str(path)]
    view += _small_tmpfs("/tmp", limits)  # before the folders: some may lie below it
    for path in sorted({*_interpreter(), *folders, *(map(Path, _NAMES) if names else ())}):
        for parent in reversed(path.parents[:-1]):
            view += ["--dir", str(parent)]  # made by itself, bubblewrap would close it to others
        view += ["--ro-bind-try" if str(path) in _NAMES else "--ro-bind", str(path), str(path)]
    return view


def _interpreter() -> set[Path]:
    """The folders that this interpreter needs, beyond /usr: its own, and its virtual environment's."""
    real = Path(sys.executable).resolve().parent.parent
    needed = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.base_exec_prefix), real}
    return {path for path in needed if not path.is_relative_to("/usr") and path != Path("/")}


def _namespaces(limits: Limits, *, keep_network: bool) -> list[str]:
    options = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    options += [] if keep_network else ["--unshare-net"]
    options += ["--disable-userns"] if "--disable-userns" in _offered_options() else []
    options += ["--uid", _INSIDE, "--gid", _INSIDE, "--cap-drop", "ALL", "--die-with-parent"]
    options += ["--unsetenv", leftovers.MARK, "--proc", "/proc", "--dev", "/dev", *_small_tmpfs("/dev/shm", limits)]
    # Both are file systems in memory that belong to the program's user, who could fill them.
    return [*options, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]


def _small_tmpfs(place: str, limits: Limits) -> list[str]:
    size = ["--size", str(limits.tmp_bytes)] if "--size" in _offered_options() else []
    return [*size, "--tmpfs", place]


# What this machine offers.


def _tool(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=_PATH)
    if not found:
        package = {"bwrap": "bubblewrap"}.get(name, "util-linux")
        raise Unavailable(f"there is no {name} here: install {package}")
    return found


@functools.cache
def _offered_options() -> frozenset[str]:
    said = subprocess.run([_tool("bwrap"), "--help"], capture_output=True, text=True, check=False, timeout=10)
    return frozenset(re.findall(r"--[a-z-]+", said.stdout))


@functools.cache
def _may_empty_the_network() -> bool:
    tried = [_tool("unshare"), "--net", "--ipc", "--", "/bin/true"]
    return subprocess.run(tried, capture_output=True, check=False, timeout=10).returncode == 0


def _may_change_uid() -> bool:
    """Whether we are root, and the users that we would become exist in this user namespace."""
    if os.geteuid() != 0 or sys.platform != "linux":
        return False
    ranges = (map(int, line.split()) for line in Path("/proc/self/uid_map").read_text().splitlines())
    return any(first <= _WRAPPED and _ACCOUNTS.stop <= first + count for first, _, count in ranges)


def _is_kernels_root() -> bool:
    return Path("/proc/self/uid_map").read_text().split()[:2] == ["0", "0"]


def _check_access(folders: Iterable[Path], level: Level) -> None:
    """Raise `Unavailable` for a folder that is not there, or that the user who runs the program could not read."""
    for path in folders:
        if not path.exists():
            raise Unavailable(f"{path} is to be shown to the program, but there is no such file or folder")
    if level is Level.NONE or not _may_change_uid():
        return
    for path in {*folders, *_interpreter()}:
        _check_open(path, path, stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0))
        if level is Level.OTHER_UID:  # whereas bubblewrap's view has parents of its own
            for parent in path.resolve().parents:
                _check_open(parent, path, stat.S_IXOTH)


def _check_open(place: Path, wanted: Path, needed: int) -> None:
    mode = place.stat().st_mode
    if mode & needed != needed:
        whose = f"{wanted}, because {place}" if place != wanted else f"{place}, which"
        raise Unavailable(f"the user that programs run as cannot read {whose} has mode {mode & 0o7777:04o}")


# Users of level 2.


def _open_account() -> _Account:
    if not _may_change_uid():
        raise Unavailable("only root, outside user namespaces, can run programs as another user")
    _LOCKS.mkdir(mode=0o700, exist_ok=True)
    listed = leftovers.users()
    for uid in _ACCOUNTS:
        lock = _lock(uid)
        if lock is None:
            continue
        # A judge that was killed could not end its program, and one that flees by forking is not always listed.
        if listed.get(uid, True):
            leftovers.kill_owned(uid, executioner=_EXECUTIONER)
        if uid not in listed:
            home = Path(tempfile.mkdtemp(prefix="downstack-"))
            os.chown(home, uid, uid)
            return _Account(uid, lock, home)
        os.close(lock)  # the dead count as processes of their user, until somebody collects them
    raise Unavailable(f"all {len(_ACCOUNTS)} users for programs are taken")


def _lock(uid: int) -> int | None:
    """A descriptor that holds the only lock on `uid`, for as long as it is open; None when it is taken."""
    lock = os.open(_LOCKS / str(uid), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _close_account(account: _Account) -> None:
    """Remove all that the user left at home and where everybody may write, and let others have the number."""
    _remove(account.home)
    for folder in map(Path, _SHARED_FOLDERS):
        for entry in folder.iterdir() if folder.is_dir() else ():
            with suppress(FileNotFoundError):
                if entry.lstat().st_uid == account.uid:
                    _remove(entry)
    os.close(account.lock)


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        entry.unlink(missing_ok=True)
