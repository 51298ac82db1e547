"""Virtual time inside a program's process: trio runs on a clock that the judge grants.

Each time all of this process's tasks are blocked, trio asks its clock how long it may sleep. That is the one moment at
which nothing can change without the judge: `GrantedClock` then sends what the program wants done and its next
deadline, waits for the judge's answer, and tells trio not to sleep at all. So a second of virtual time costs two
messages, and a program cannot tell that its clock is not real.

All that depends on trio's inside stands in this file, and `tests/labs/testbed/test_clock.py` pins it: when trio calls
`deadline_to_sleep_time`; the shuffle of ready tasks, seeded as Hypothesis does it; and `waiting_for_idle`.

Threads look blocked to trio although they run, so no time passes while a worker thread is out.
"""

import datetime
import math
import random
import sys
import time
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any, NoReturn

import trio
from trio._core import _run as trios_run

from labs.testbed.channel import NEVER

NANO = 1_000_000_000
EPOCH = 1_501_718_400  # 2017-08-03T00:00:00Z, the day the essay appeared: virtual time counts from here.
POLL_THREADS = 0.001  # real seconds between looks at a worker thread


class RealTimeSleep(RuntimeError):
    """A program called something that would stop its whole process, and with it every task, in real time."""


def to_nanoseconds(deadline: float) -> int:
    """The first whole nanosecond at which a clock that shows seconds as floats has reached `deadline`."""
    if not math.isfinite(deadline) or deadline * NANO >= NEVER:
        return NEVER
    nanoseconds = max(0, math.ceil(deadline * NANO))
    while nanoseconds / NANO < deadline:
        nanoseconds += 1
    return nanoseconds


class GrantedClock(trio.abc.Clock):
    """A clock that moves only when the judge says so: `exchange(deadline)` blocks for the new time; both in ns."""

    def __init__(self, exchange: Callable[[int], int], *, now: int = 0) -> None:
        self._exchange = exchange
        self.now = now

    def start_clock(self) -> None:
        """Nothing to start: time stands still until the first grant."""

    def current_time(self) -> float:
        return self.now / NANO

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Called by trio when every task is blocked; the exchange may wake some, so trio must look again at once."""
        if trio.to_thread.current_default_thread_limiter().borrowed_tokens:
            return POLL_THREADS
        if trios_run.GLOBAL_RUN_CONTEXT.runner.waiting_for_idle:
            return POLL_THREADS  # someone awaits `wait_all_tasks_blocked`: trio sees to that first
        if deadline > self.current_time():
            self.now = max(self.now, self._exchange(to_nanoseconds(deadline)))
        return 0


def seed_everything(seed: str) -> None:
    """Make trio's scheduler and the global `random` depend on `seed` alone."""
    random.seed(seed)
    trios_run._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc]
    trios_run._r = random.Random(f"scheduler {seed}")


def show_virtual_time(clock: GrantedClock, own_files: Callable[[str], bool]) -> None:
    """Let `time` and `datetime` tell the clock's time; `time.sleep` from a file that `own_files` accepts raises."""

    def wall_ns() -> int:
        return EPOCH * NANO + clock.now

    time.time_ns = wall_ns
    time.time = lambda: wall_ns() / NANO
    for name in ("monotonic", "perf_counter"):
        setattr(time, name, lambda: clock.now / NANO)
        setattr(time, f"{name}_ns", lambda: clock.now)
    time.sleep = _refuse_sleep(own_files)  # type: ignore[assignment]
    datetime.datetime = _virtual_datetime(wall_ns)  # type: ignore[misc]


def _refuse_sleep(own_files: Callable[[str], bool]) -> Callable[[float], None]:
    def sleep(seconds: float) -> None:
        caller = _first_frame(sys._getframe(1), own_files)
        if caller is not None:
            raise RealTimeSleep(
                f"time.sleep({seconds}) at {caller.f_code.co_filename}:{caller.f_lineno} stops every task of this "
                f"program at once; write `await trio.sleep({seconds})`"
            )

    return sleep


def _first_frame(frame: FrameType | None, own_files: Callable[[str], bool]) -> FrameType | None:
    while frame is not None and not own_files(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def _virtual_datetime(wall_ns: Callable[[], int]) -> type[datetime.datetime]:
    real = datetime.datetime

    class Meta(type):
        """Lets `isinstance(x, datetime.datetime)` hold for values made before the clock was replaced."""

        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, real)

    class VirtualDatetime(real, metaclass=Meta):  # type: ignore[misc,valid-type]
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return real.fromtimestamp(wall_ns() / NANO, tz or datetime.UTC).replace(tzinfo=tz)

        @classmethod
        def utcnow(cls) -> Any:
            return real.fromtimestamp(wall_ns() / NANO, datetime.UTC).replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            return cls.now()

    VirtualDatetime.__name__ = VirtualDatetime.__qualname__ = "datetime"
    return VirtualDatetime


def refuse_by_name(module: Any, names: Iterable[str], reason: str) -> None:
    """Replace functions of `module` by ones that raise `RealTimeSleep` and say why."""

    def refusal(name: str) -> Callable[..., NoReturn]:
        def refuse(*args: object, **kwargs: object) -> NoReturn:
            raise RealTimeSleep(f"{module.__name__}.{name} cannot be used in virtual time: {reason}")

        return refuse

    for name in names:
        setattr(module, name, refusal(name))
