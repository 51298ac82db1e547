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


def kill_marked(mark: str) -> None:
    """Kill all processes with `mark` in their environment, and wait until they are gone."""
    needle = f"{MARK}={mark}".encode()
    _kill(lambda pid: needle in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))


def kill_owned(uid: int, *, executioner: int) -> None:
    """As root, kill all processes of user `uid` and wait until they are gone; nobody may have the uid `executioner`."""
    while owned(uid):
        command = [sys.executable, "-ISc", _EXECUTIONER, str(executioner), str(uid)]
        subprocess.run(command, check=False, capture_output=True, timeout=_PATIENCE)
        _kill(lambda pid: _owner(pid) == uid)


def owned(uid: int) -> list[int]:
    """The living processes of user `uid`."""
    return [pid for pid in _processes() if _true_of(pid, lambda pid: _owner(pid) == uid)]


def _kill(belongs: Callable[[int], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while handles := _handles(belongs):
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


def _owner(pid: int) -> int | None:
    """The real uid of a process; None when it is dead and only waits to be collected."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return None if status["State"].split()[0] in "ZX" else int(status["Uid"].split()[0])


def program_of(pid: int) -> int:
    """The process number of the program that the bubblewrap process `pid` has started: its namespace's second process.

    Raises `ProcessLookupError` when there is none, yet or any more.
    """
    while True:
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            inner = [int(child) for child in children if _number_inside(int(child)) == 2]
        except FileNotFoundError:
            children = []
        if not children:
            raise ProcessLookupError(f"process {pid} has no program inside")
        if inner:
            return inner[0]
        pid = int(children[0])


def _number_inside(pid: int) -> int:
    """The number by which a process knows itself, in the innermost of its PID namespaces."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return pid
