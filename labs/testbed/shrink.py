"""The fewest faults that still break a program: delta debugging of a schedule.

A run that failed under chance names every fault that hit a frame, so it can be played again as a script without any
chance, and so can each part of that script. `shrink` is delta debugging (Zeller and Hildebrandt, "Simplifying and
Isolating Failure-Inducing Input", 2002) in the form that sweeps: take away a half, a quarter, … a single fault at a
time, each time going on with what is left, until no single fault can be spared. That is ddmin's result, 1-minimal and
not the smallest there is, in half of its runs: from 40 faults to 3 takes some 25, not 54.

A part counts as failing only if the same expectation breaks as before: another failure is another story. One schedule
holds for all the scenes that a check plays, as it does for `lab replay`, so that what is found is what is repeated.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from labs.testbed.judge import Judge, Outcome, Verdict, run_check
from labs.testbed.scene import Plan, Scene
from labs.testbed.sim import Played
from netstack.wire import Fault

MOST_RUNS = 200
MOST_SECONDS = 6.0  # of real time; a program that must be stopped each time costs two seconds a run

Item = TypeVar("Item")


def shrink(faults: Sequence[Item], fails: Callable[[Sequence[Item]], bool]) -> tuple[Item, ...]:
    """Return a part of `faults` that fails, but no more does when any one is taken away; `faults` itself must fail.

    `fails` is asked at most once about any part.
    """
    known: dict[tuple[int, ...], bool] = {}

    def failing(places: Sequence[int]) -> bool:
        key = tuple(places)
        if key not in known:
            known[key] = fails([faults[place] for place in key])
        return known[key]

    current, size = list(range(len(faults))), max(1, len(faults) // 2)
    if failing([]):
        return ()
    while True:
        before, place = len(current), 0
        while place < len(current):
            without = [*current[:place], *current[place + size :]]
            if failing(without):
                current = without
            else:
                place += size
        if size == 1 and len(current) == before:
            return tuple(faults[place] for place in current)
        size = max(1, size // 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """What is left of a schedule of `whole` faults after so many `runs`, and what the check came to under it.

    `fault_free` is what it came to without any fault. A search that was not `finished` ran out of time, and there may
    be faults in `schedule` that do not matter.
    """

    schedule: tuple[Fault, ...]
    outcome: Outcome
    fault_free: Outcome
    whole: int
    runs: int
    finished: bool


class _OutOfTime(Exception):
    pass


@dataclass(slots=True)
class _Search:
    """One search. `best` is the shortest schedule that was seen to fail, with its outcome."""

    check: Callable[[Judge], None]
    perform: Callable[[Scene, int], Played]
    first: Outcome
    progress: Callable[[int, int], None]
    until: float
    most_runs: int
    best: tuple[tuple[Fault, ...], Outcome] | None = None
    runs: int = 0

    def try_out(self, schedule: Sequence[Fault]) -> Outcome:
        self.runs += 1
        return play_schedule(self.check, self.perform, self.first, schedule)

    def fails(self, schedule: Sequence[Fault]) -> bool:
        if self.best is not None and (self.runs >= self.most_runs or time.monotonic() > self.until):
            raise _OutOfTime
        outcome = self.try_out(schedule)
        fails = same_failure(outcome, self.first)
        if fails and (self.best is None or len(schedule) < len(self.best[0])):
            self.best = tuple(schedule), outcome
        if self.best is not None:
            self.progress(self.runs, len(self.best[0]))
        return fails


def shrink_failure(
    check: Callable[[Judge], None],
    perform: Callable[[Scene, int], Played],
    failed: Outcome,
    *,
    progress: Callable[[int, int], None] = lambda runs, left: None,
    most_runs: int = MOST_RUNS,
    seconds: float = MOST_SECONDS,
) -> Shrunk | None:
    """Shrink the schedule under which `check` came to `failed`; None when it fails no more as a mere schedule.

    `perform(scene, seed)` plays a scene with its script and *no* chance. `progress` is told the runs done and the
    faults left. One run without faults and one with all are always made; then `most_runs` and `seconds` bound them.
    """
    whole = schedule_of(failed)
    search = _Search(check, perform, failed, progress, time.monotonic() + seconds, most_runs)
    fault_free = search.try_out(())
    if same_failure(fault_free, failed):
        return _shrunk((), fault_free, fault_free, whole, search.runs, True)
    if not whole or not search.fails(whole):
        return None
    finished = True
    try:
        shrink(whole, lambda schedule: bool(schedule) and search.fails(schedule))
    except _OutOfTime:
        finished = False
    assert search.best is not None, "the whole schedule failed"
    return _shrunk(*search.best, fault_free, whole, search.runs, finished)


def _shrunk(
    schedule: tuple[Fault, ...],
    outcome: Outcome,
    fault_free: Outcome,
    whole: Sequence[Fault],
    runs: int,
    finished: bool,
) -> Shrunk:
    return Shrunk(
        schedule=schedule, outcome=outcome, fault_free=fault_free, whole=len(whole), runs=runs, finished=finished
    )


def schedule_of(outcome: Outcome) -> tuple[Fault, ...]:
    """Every fault that hit a frame in the plays of `outcome`, and every scripted one that was waiting for its frame."""
    hit = (Fault.parse(fault) for played in outcome.played for fault in played.trace.faults())
    waiting = (fault for played in outcome.played for fault in played.unmet)
    return tuple(dict.fromkeys((*hit, *waiting)))


def play_schedule(
    check: Callable[[Judge], None],
    perform: Callable[[Scene, int], Played],
    first: Outcome,
    schedule: Sequence[Fault],
) -> Outcome:
    """Run `check` under the seed of `first` with `schedule` in the place of its scenes' own scripts."""
    return run_check(check, lambda scene, seed: perform(with_schedule(scene, schedule), seed), [first.seed])


def with_schedule(scene: Scene, schedule: Sequence[Fault]) -> Scene:
    """`scene` with those of `schedule` that name something in its network, instead of its own script."""
    plan = Plan.of(scene.topology())
    names = {link.name for link in plan.links}
    names |= {link.direction(end.host) for link in plan.links for end in link.ends}
    return replace(scene, script=tuple(fault for fault in schedule if fault.direction in names))


def same_failure(one: Outcome, other: Outcome) -> bool:
    """Whether both fail, at the same expectation."""
    both_fail = one.verdict is Verdict.FAIL and other.verdict is Verdict.FAIL
    return (
        both_fail
        and one.broken is not None
        and other.broken is not None
        and one.broken.identity == other.broken.identity
    )
