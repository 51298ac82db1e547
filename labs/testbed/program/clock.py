"""Virtual time inside a program's process: trio runs on a clock that the judge grants.

Each time all of this process's tasks are blocked, trio asks its clock how long it may sleep. That is the one moment at
which nothing can change without the judge: `GrantedClock` then sends what the program wants done and its next
deadline, waits for the judge's answer, and tells trio not to sleep at all. So a second of virtual time costs two
messages, and a program cannot tell that its clock is not real.

All that depends on trio's inside stands in this file, and `tests/labs/testbed/test_clock.py` pins it: when trio calls
`deadline_to_sleep_time`; the shuffle of ready tasks, seeded as Hypothesis does it; and `waiting_for_idle`.

Whatever goes on outside trio's sight would look blocked, and time would fly past it. So a function given to
`trio.to_thread.run_sync` is called in place, which takes no virtual time and comes out the same on every run; other
ways to have something done elsewhere are refused, by name. Left out: clocks read by way of `time.clock_gettime`, and
`from time import time` in modules that were imported before.
"""

import contextvars
import datetime
import functools
import math
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import trio
from trio._core import _run as trios_run

from labs.testbed.channel import NEVER

NANO = 1_000_000_000
EPOCH = 1_501_718_400  # 2017-08-03T00:00:00Z, the day the essay appeared: virtual time counts from here.
POLL_THREADS = 0.001  # real seconds between looks at a worker thread


class NotInVirtualTime(RuntimeError):
    """A program called something that takes real time, in which virtual time can neither pass nor be held back."""


_TOO_FAR = NEVER / NANO


def to_nanoseconds(deadline: float) -> int:
    """The nanosecond that is meant by a deadline in seconds; `NEVER` for one that lies too far ahead."""
    return NEVER if deadline >= _TOO_FAR else max(0, round(deadline * NANO))


class VirtualClock(trio.abc.Clock):
    """A clock for trio that moves only when all tasks are blocked, by `_wait`, which its subclasses write.

    Programs see seconds as floats, and 0.005 + 0.1 is a little more than 0.105. Time passes in whole nanoseconds, so at
    the one that was meant the clock shows the very deadline that was asked for; else each sleep would cost a nanosecond
    more than it says.
    """

    def __init__(self) -> None:
        self.now = 0
        self._seconds = 0.0

    def start_clock(self) -> None:
        """Called by trio at the beginning of a run, and the moment to take hold of what there is to look at later."""
        runner = trios_run.GLOBAL_RUN_CONTEXT.runner
        self._ready, self._deadlines, self._idlers = runner.runq, runner.deadlines, runner.waiting_for_idle
        self._told_itself = runner.entry_queue.queue
        self._told_itself_once = runner.entry_queue.idempotent_queue
        self._threads = trio.to_thread.current_default_thread_limiter()

    def current_time(self) -> float:
        """Seconds since the beginning of the play."""
        return self._seconds

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Called by trio when every task is blocked; waiting may wake some, so trio must look again at once."""
        if self._threads.borrowed_tokens:
            return POLL_THREADS  # a library that had taken hold of `run_sync` before we replaced it
        if self._told_itself or self._told_itself_once:
            return 0  # trio hears in its next round of what it has told itself to do
        if self._idlers:
            return math.inf  # someone awaits `wait_all_tasks_blocked`, and trio sees to that first
        if deadline > self._seconds:
            self._wait(deadline)
        return 0

    def _wait(self, deadline: float) -> None:
        """Let time pass up to `deadline`, or less if something happens before."""
        raise NotImplementedError

    def _pass(self, now: int, meant: int, deadline: float) -> None:
        """It is `now`, and `deadline` was waited for, by which `meant` was meant."""
        if now > self.now:
            self.now, self._seconds = now, now / NANO
        if now >= meant:
            self._seconds = max(self._seconds, deadline)

    def _is_busy(self) -> bool:
        """Whether trio has something to do at once, now that something has happened."""
        return bool(self._ready or self._told_itself or self._told_itself_once)


class GrantedClock(VirtualClock):
    """A clock that moves when the judge says so: `exchange(deadline)` blocks for the new time; both in nanoseconds."""

    def __init__(self, exchange: Callable[[int], int]) -> None:
        super().__init__()
        self._exchange = exchange

    def _wait(self, deadline: float) -> None:
        meant = to_nanoseconds(deadline)
        self._pass(self._exchange(meant), meant, deadline)


def seed_everything(seed: str) -> None:
    """Make trio's scheduler and the global `random` depend on `seed` alone."""
    random.seed(f"random {seed}")  # not the stream of `host.random`, or a program would draw every number twice
    trios_run._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc]
    trios_run._r = random.Random(f"scheduler {seed}")


def frames_of_ready_tasks() -> Iterator[tuple[FrameType, int]]:
    """The frames, each with its line, of all tasks that are not blocked, innermost first: where a program circles.

    May be called at any moment, by a signal handler too.
    """
    runner = getattr(trios_run.GLOBAL_RUN_CONTEXT, "runner", None)
    tasks: Iterable[Any] = runner.tasks if runner else ()
    for task in sorted(tasks, key=lambda task: task._counter):
        if task._abort_func is None:  # which says how to wake one that is blocked
            yield from reversed(list(task.iter_await_frames()))


def show_virtual_time(clock: GrantedClock, own_files: Callable[[str], bool]) -> None:
    """Let `time` and `datetime` tell the clock's time; `time.sleep` from a file that `own_files` accepts raises."""

    def wall_ns() -> int:
        return EPOCH * NANO + clock.now

    time.time_ns = wall_ns
    time.time = lambda: wall_ns() / NANO
    for name in ("monotonic", "perf_counter"):
        setattr(time, name, clock.current_time)
        setattr(time, f"{name}_ns", lambda: clock.now)
    for name in ("gmtime", "localtime", "ctime"):
        setattr(time, name, _with_default(getattr(time, name), lambda: wall_ns() // NANO))
    time.strftime = _strftime
    os.environ["TZ"] = "UTC"  # a local time is the same everywhere
    time.tzset()
    time.sleep = _refuse_sleep(own_files)  # type: ignore[assignment]
    datetime.datetime = _virtual_datetime(wall_ns)  # type: ignore[misc]


def _with_default(convert: Callable[[float], Any], now: Callable[[], int]) -> Callable[..., Any]:
    return lambda seconds=None: convert(now() if seconds is None else seconds)


def _strftime(form: str, when: "time.struct_time | tuple[int, ...] | None" = None) -> str:
    return _real_strftime(form, time.localtime() if when is None else when)  # type: ignore[arg-type]


_real_strftime = time.strftime


def _refuse_sleep(own_files: Callable[[str], bool]) -> Callable[[float], None]:
    """`time.sleep` that raises where a file that `own_files` accepts is among the callers, and else returns at once."""

    def sleep(seconds: float) -> None:
        caller = _first_frame(sys._getframe(1), own_files)
        if caller is not None:
            raise NotInVirtualTime(
                f"time.sleep({seconds}) at {Path(caller.f_code.co_filename).name}:{caller.f_lineno} stops every task "
                f"of this program at once; write `await trio.sleep({seconds})`"
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


def keep_everything_in_trio(own_files: Callable[[str], bool]) -> None:
    """Call functions meant for threads in place, and refuse processes and threads that nobody could hold back.

    `threading` and `subprocess` are refused to callers in files that `own_files` accepts; libraries know what they do.
    """
    trio.to_thread.run_sync = _run_in_place  # type: ignore[assignment]
    for module in (trio, trio.lowlevel):
        for name in ("open_process", "run_process"):
            if hasattr(module, name):
                setattr(module, name, _refusal(f"{module.__name__}.{name}"))
    _refuse_to(own_files, subprocess.Popen, "__init__", "subprocess")
    _refuse_to(own_files, threading.Thread, "start", "threading.Thread.start")


async def _run_in_place(function: Callable[..., Any], *args: Any, limiter: object = None, **_: object) -> Any:
    """Stands for `trio.to_thread.run_sync`. What it calls may not wait for another task: none runs meanwhile."""
    if limiter is not None:
        raise NotInVirtualTime("in virtual time threads need trio's own limiter: leave `limiter` out")
    await trio.lowlevel.checkpoint()
    return contextvars.copy_context().run(function, *args)


def _refusal(name: str) -> Callable[..., Any]:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise NotInVirtualTime(
            f"{name} cannot be used in virtual time: the judge could not hold back its clock while that runs; "
            "start tasks in a nursery, and call what takes long by `trio.to_thread.run_sync`"
        )

    return refuse


def _refuse_to(own_files: Callable[[str], bool], owner: type, method: str, name: str) -> None:
    """Refuse `method` to callers whose own file `own_files` accepts, by way of the owner's own module or directly."""
    original, refusal, between = getattr(owner, method), _refusal(name), sys.modules[owner.__module__].__file__

    @functools.wraps(original)
    def choose(*args: Any, **options: Any) -> Any:
        caller = _first_frame(sys._getframe(1), lambda file: file != between)
        is_own = caller is not None and own_files(caller.f_code.co_filename)
        return (refusal if is_own else original)(*args, **options)

    setattr(owner, method, choose)
