"""Launching a program at a level, and ending it with all that it started."""

import os
import secrets
import signal
import stat
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from labs.testbed import leftovers
from labs.testbed.sandbox.accounts import EXECUTIONER, Account, close_account, may_change_uid, open_account
from labs.testbed.sandbox.command import command_line
from labs.testbed.sandbox.levels import PATH, Level, Unavailable, interpreter_folders
from labs.testbed.sandbox.limits import STANDARD, Limits

_ENVIRONMENT = {
    "PATH": PATH,
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}


class Confined(subprocess.Popen[bytes]):
    """A launched program. `wait` and `poll` tell how it ended: see `ending`."""

    def __init__(self, command: Sequence[str], mark: str, level: Level, account: Account | None, **how: Any) -> None:
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
    limits: Limits = STANDARD,
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
    account = open_account() if level is Level.OTHER_UID else None
    mark = secrets.token_hex(8)
    home = _home(level, account)
    try:
        check_access(folders, level)
        return Confined(
            command_line(argv, level, folders, network, limits, account),
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
            close_account(account)
        raise


def _home(level: Level, account: Account | None) -> dict[str, str]:
    """Where a program is at home: in its account's folder, or its user's; never in a /tmp that others write to."""
    if account is not None:
        return {"HOME": str(account.home), "TMPDIR": str(account.home)}
    return {"HOME": str(Path.home())} if level is Level.NONE else {}


def check_access(folders: Iterable[Path], level: Level) -> None:
    """Raise `Unavailable` for a folder that is not there, or that the user who runs the program could not read."""
    for path in folders:
        if not path.exists():
            raise Unavailable(f"{path} is to be shown to the program, but there is no such file or folder")
    if level is Level.NONE or not may_change_uid():
        return
    for path in {*folders, *interpreter_folders()}:
        _check_open(path, path, stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0))
        if level is Level.OTHER_UID:  # whereas bubblewrap's view has parents of its own
            for parent in path.resolve().parents:
                _check_open(parent, path, stat.S_IXOTH)


def _check_open(place: Path, wanted: Path, needed: int) -> None:
    mode = place.stat().st_mode
    if mode & needed != needed:
        whose = f"{wanted}, because {place}" if place != wanted else f"{place}, which"
        raise Unavailable(f"the user that programs run as cannot read {whose} has mode {mode & 0o7777:04o}")


def end(process: Confined) -> None:
    """Kill everything that was launched, wait until it is gone, and remove what it left behind. May be called twice."""
    if process.account:
        leftovers.kill_owned(process.account.uid, executioner=EXECUTIONER)
    leftovers.kill_marked(process.mark, leader=process.pid if process.returncode is None else None)
    if process.poll() is None:  # there is no /proc to find it in
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.account:
        close_account(process.account)
        process.account = None


def ending(code: int) -> str:
    """How a launched program ended, in words, from its return code: "exited with 3", "was killed by SIGKILL".

    bubblewrap, like a shell, tells signal 9 as 137; a program that exits with 137 of its own will looks the same.
    """
    number = -code if code < 0 else code - 128
    if number in set(signal.Signals):
        return f"was killed by {signal.Signals(number).name}"
    return f"exited with {code}" if code >= 0 else f"was killed by signal {number}"
