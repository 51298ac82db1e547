"""System calls of Linux that Python has only from 3.12 or 3.13 on, or not at all.

Each raises `OSError` with the kernel's reason. Importing this module is harmless elsewhere; calling it is not.
"""

import ctypes
import os
import signal
import struct
from functools import cache

CLONE_NEWNS = 0x0002_0000
CLONE_NEWUTS = 0x0400_0000
CLONE_NEWIPC = 0x0800_0000
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000

MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 0x2, 0x4, 0x8, 0x1000, 0x4000, 0x40000

_PR_SET_NAME = 15
_CLOCK_REALTIME = 0
_TFD_NONBLOCK, _TFD_CLOEXEC, _TFD_TIMER_ABSTIME = 0o4000, 0o2000000, 1


def fork_deaf() -> int:
    """Fork a process that ignores Ctrl-C, from its first moment on: the caller's handler never runs in it."""
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, former)
    return pid


@cache
def libc() -> ctypes.CDLL:
    """The C library of this process."""
    return ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> int:
    """Return a system call's result, or raise its `OSError`, which names `what` was tried."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    """Leave the namespaces named by CLONE_… flags for fresh ones."""
    check(libc().unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    """Enter the namespace behind an open `/proc/PID/ns/…` file, which must be of `kind` (a CLONE_… flag)."""
    check(libc().setns(descriptor, kind), "setns")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mount, bind or change a mount, as mount(2)."""
    arguments = (source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode())
    check(libc().mount(*arguments), f"mount {target}")


def name_process(name: str) -> None:
    """Give this process a name of at most 15 bytes, as `ps` and `top` show it."""
    check(libc().prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0), "prctl")


class Timer:
    """A timerfd on the wall clock, the one that the kernel stamps packets with; times are nanoseconds."""

    def __init__(self) -> None:
        self._descriptor = check(libc().timerfd_create(_CLOCK_REALTIME, _TFD_NONBLOCK | _TFD_CLOEXEC), "timerfd_create")

    def fileno(self) -> int:
        """The descriptor that becomes readable when the timer is due."""
        return self._descriptor

    def set(self, at: int | None) -> None:
        """Become readable at `at`; at once when that has passed, never when None."""
        setting = struct.pack("qqqq", 0, 0, *divmod(max(at, 1), 1_000_000_000)) if at is not None else bytes(32)
        check(libc().timerfd_settime(self._descriptor, _TFD_TIMER_ABSTIME, setting, None), "timerfd_settime")

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)
