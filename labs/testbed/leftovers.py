"""Ending everything that a launch set going, whatever it did to get away.

A program may fork, leave its process group and its session, and lose its parents; killing the process that we started
is not enough. What it cannot leave is a PID namespace, or a uid that it shares with nobody. Where it has neither, we
put a mark into its environment, which every descendant inherits (Jenkins' ProcessTreeKiller does the same): that finds
daemons and servers left behind by accident, not a program that wipes its environment in order to hide.

Processes are held by pidfd before they are looked at, so that a number that was given to somebody else meanwhile is
never hit, and so that we return when they are gone, not when they have been told to go.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

MARK = "DOWNSTACK_RUN"
_PATIENCE = 10.0  # seconds; a killed process takes milliseconds to vanish, unless a device holds it
_EXITING = 0x4  # PF_EXITING of the kernel's sched.h, among the flags in /proc/PID/stat

# Run as root. Real and saved uid are an account that nobody uses: a program may signal those whose real or saved uid is
# its own (kill(2)), so the executioner cannot be killed first. Its effective uid is the program's, so `kill -1`, which
# no fork can slip past, hits that program's processes and nobody else's.
_EXECUTIONER = """
import os, signal, sys
account, victim = map(int, sys.argv[1:])
os.setgroups([])
os.setresgid(account, account, account)
os.setresuid(account, victim, account)
os.kill(-1, signal.SIGKILL)
"""


class StillAlive(Exception):
    """Processes that did not die; the text names them."""


def kill_marked(mark: str, *, leader: int | None) -> None:
    """Kill all processes with `mark` in their environment, and the group of `leader`; wait until they are gone."""
    needle = f"{MARK}={mark}".encode()

    def belongs(pid: int) -> bool:
        if pid == leader:  # one that has only just been started shows no environment yet
            return _is_alive(pid)
        return needle in _environment(pid) or _is_dying_reaper(pid)

    def strike() -> None:
        if leader is not None:
            os.killpg(leader, signal.SIGKILL)

    _kill(belongs, strike)


def kill_owned(uid: int, *, executioner: int) -> None:
    """As root, kill all processes of user `uid` and wait until they are gone; nobody may have the uid `executioner`."""
    command = [sys.executable, "-ISc", _EXECUTIONER, str(executioner), str(uid)]

    def strike() -> None:
        subprocess.run(command, check=False, capture_output=True, timeout=_PATIENCE)

    strike()  # first: before, those who flee by forking are missed by any list of processes
    _kill(lambda pid: _owner(pid) == uid and _is_alive(pid), strike)


def users() -> dict[int, bool]:
    """The users of all listed processes, each with whether one of them is alive: the dead may be listed for long."""
    found: dict[int, bool] = {}
    for pid in _processes():
        with suppress(FileNotFoundError, ProcessLookupError):
            uid = _owner(pid)
            found[uid] = found.get(uid, False) or _is_alive(pid)
    return found


def program_of(pid: int) -> int:
    """The process number of the program that the bubblewrap process `pid` has started.

    Each bubblewrap makes a namespace whose process 1 does nothing but reap, and whose process 2 is the program, or the
    next bubblewrap. Raises `ProcessLookupError` when there is no program, yet or any more.
    """
    program = None
    while (reaper := _child(pid, numbered=1)) and (second := _child(reaper, numbered=2)):
        program = pid = second
    if program is None:
        raise ProcessLookupError(f"process {pid} has no program inside")
    return program


def _kill(belongs: Callable[[int], bool], strike: Callable[[], None] = lambda: None) -> None:
    """Kill those that belong, by `strike` and one by one, until there are none."""
    deadline = time.monotonic() + _PATIENCE
    while handles := _handles(belongs):
        with suppress(ProcessLookupError, PermissionError):
            strike()  # after the handles are taken: who is dying cannot be recognised any more
        for handle in handles.values():
            with suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        for handle in handles.values():
            _await_exit(handle, deadline)
            os.close(handle)
        if time.monotonic() > deadline:
            raise StillAlive(f"processes {sorted(handles)} were killed {_PATIENCE:.0f} s ago and still run")


def _handles(belongs: Callable[[int], bool]) -> dict[int, int]:
    """Process numbers and pidfds of the living processes that belong."""
    handles = {}
    for pid in _processes():
        if not _true_of(pid, belongs):
            continue
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(pid)
            if _true_of(pid, belongs):  # still: so the handle is on the process that we looked at
                handles[pid] = handle
            else:
                os.close(handle)
    return handles


def _await_exit(handle: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.poll(max(0.0, deadline - time.monotonic()) * 1000)


def _processes() -> list[int]:
    """All process numbers; none where the system has no /proc."""
    try:
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    except FileNotFoundError:
        return []


def _true_of(pid: int, question: Callable[[int], bool]) -> bool:
    """The answer to `question`; false for a process that is gone, or is none of our business."""
    try:
        return question(pid)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


def _owner(pid: int) -> int:
    """The real uid of a process."""
    return int(_field(Path(f"/proc/{pid}/status").read_text(), "Uid").split()[0])


def _is_alive(pid: int) -> bool:
    return _field(Path(f"/proc/{pid}/status").read_text(), "State")[0] not in "ZX"


def _environment(pid: int) -> list[bytes]:
    """The environment that a process was started with; nothing for one that is dying, or not ours to read."""
    with suppress(PermissionError, ProcessLookupError):
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return []


def _is_dying_reaper(pid: int) -> bool:
    """Whether this is the first process of one of our PID namespaces, and is on its way out.

    It has lost its memory, and its environment with it, but ends only after all others in the namespace have ended.
    """
    state, *_, flags = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:7]
    if state in "ZX" or not int(flags) & _EXITING:
        return False
    status = Path(f"/proc/{pid}/status").read_text()
    *outer, inside = _field(status, "NSpid").split()
    return bool(outer) and inside == "1" and _owner(pid) == os.geteuid()


def _field(status: str, name: str) -> str:
    return next(line.partition(":")[2].strip() for line in status.splitlines() if line.startswith(f"{name}:"))


def _child(pid: int, *, numbered: int) -> int | None:
    """The child of `pid` whose number in its own, innermost PID namespace is `numbered`."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            status = Path(f"/proc/{child}/status").read_text()
            if int(_field(status, "NSpid").split()[-1]) == numbered:
                return int(child)
    return None
