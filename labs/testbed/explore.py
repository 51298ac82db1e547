"""A search for a schedule of faults that breaks a program, beyond those that its seeds happen to draw.

A check that holds under chance claims to hold under every schedule that chance could draw. So that is what is searched:
faults of the kinds that a link of the scene may suffer at all, a few at a time, on the frames that the program sends.
Hypothesis draws them: short schedules before long ones, and variations of what it has tried (MacIver and others,
"Hypothesis: A new approach to property-based testing", 2019). What it finds is shrunk by `labs.testbed.shrink`.

Finding nothing proves nothing. Left out: cuts, and checks of scenes without chance, whose faults are the check's own.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from labs.testbed.judge import Judge, Outcome, Verdict, run_check
from labs.testbed.scene import Plan, Scene
from labs.testbed.shrink import with_schedule
from labs.testbed.sim import Played
from netstack.wire import MILLISECOND, Action, Fault, Profile

MOST_FAULTS = 8  # in one schedule
BATCH = 10  # schedules between two looks at the clock
SPARE = 3  # frames more than the program sent at first: what was lost is sent again

Perform = Callable[[Scene, int], Played]
Target = tuple[str, str]  # a direction and a kind of frames


@dataclass(slots=True)
class Ground:
    """What can be hit: for each target how many frames there were and how long they are, and what may befall them."""

    counts: dict[Target, int] = field(default_factory=dict)
    bits: dict[Target, int] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)

    def survey(self, scene: Scene, played: Played) -> None:
        """Learn from a play of `scene`."""
        for link in Plan.of(scene.topology()).links:
            for end in link.ends:
                self.profiles[link.direction(end.host)] = link.profile
        for frame in played.trace.frames():
            target = frame.direction, frame.kind
            self.counts[target] = max(self.counts.get(target, 0), frame.index)
            self.bits[target] = max(self.bits.get(target, 0), 8 * len(frame.data))

    def faults(self) -> st.SearchStrategy[Fault]:
        """Every fault that chance could draw here; nothing where no link has any chance."""
        return st.one_of(
            [
                _fault_of(action, target, count + SPARE, self.bits[target], self.profiles[target[0]])
                for target, count in sorted(self.counts.items())
                for action in _possible(self.profiles[target[0]])
            ]
        )


def _possible(profile: Profile) -> Iterator[Action]:
    chances: Mapping[Action, float] = {
        "drop": profile.loss,
        "duplicate": profile.duplicate,
        "flip": profile.corrupt,
        "hold": profile.reorder,
    }
    return (action for action, chance in chances.items() if chance)


def _fault_of(action: Action, target: Target, count: int, bits: int, profile: Profile) -> st.SearchStrategy[Fault]:
    amount = {
        "flip": st.integers(0, max(0, bits - 1)),
        # As long as chance would hold a frame (see `Wire`): one to two delays.
        "hold": st.integers(1, 10).map(lambda tenths: max(profile.delay, MILLISECOND) * (10 + tenths) // 10),
    }.get(action, st.just(0))
    index = st.integers(1, count)
    return st.builds(lambda at, much: Fault(action, *target, at, at, much), index, amount)


@dataclass(slots=True, kw_only=True)
class Search:
    """A search for one check. `perform(scene, seed)` plays without chance; `tried` counts the schedules so far.

    `right` plays a right answer instead, where there is one: a schedule that breaks this too is not fair.
    """

    check: Callable[[Judge], None]
    perform: Perform
    seed: int
    right: Perform | None = None
    tried: int = 0
    _ground: Ground = field(default_factory=Ground)
    _found: Outcome | None = None

    def prepare(self) -> bool:
        """Play the check once to learn what it sends; False when there is nothing to search for."""

        def survey(scene: Scene, seed: int) -> Played:
            played = self.perform(scene, seed)
            self._ground.survey(scene, played)
            return played

        run_check(self.check, survey, [self.seed])
        return not self._ground.faults().is_empty

    def run(self, *, until: float, progress: Callable[[int], None]) -> Outcome | None:
        """Search until `time.monotonic()` is `until`; return what the check came to under a schedule that breaks it."""
        schedules = st.lists(self._ground.faults(), min_size=1, max_size=MOST_FAULTS, unique_by=_place)
        batches = random.Random(self.seed)
        while self._found is None and time.monotonic() < until:
            try:
                find(schedules, self._breaks, settings=_QUIETLY, random=random.Random(batches.random()))
            except NoSuchExample:
                progress(self.tried)
        return self._found

    def _breaks(self, schedule: list[Fault]) -> bool:
        if self._found is not None:
            return True  # Hypothesis asks again to be sure; a play on `sim` does not change its mind
        self.tried += 1
        outcome = play_among(self.check, self.perform, self.seed, schedule)
        if outcome.verdict is Verdict.FAIL and self._fair(schedule):
            self._found = outcome
        return self._found is not None

    def _fair(self, schedule: Sequence[Fault]) -> bool:
        if self.right is None:
            return True
        return play_among(self.check, self.right, self.seed, schedule).verdict is not Verdict.FAIL


_QUIETLY = settings(
    max_examples=BATCH,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def _place(fault: Fault) -> tuple[str, str, str, int]:
    return fault.action, fault.direction, fault.kind, fault.first


def play_among(check: Callable[[Judge], None], perform: Perform, seed: int, schedule: Sequence[Fault]) -> Outcome:
    """Run `check` with `schedule` besides its scenes' own scripts; that a frame of it was never sent is no failure."""

    def besides(scene: Scene, seed: int) -> Played:
        more = with_schedule(scene, schedule).script
        played = perform(replace(scene, script=(*scene.script, *more)), seed)
        played.unmet = tuple(fault for fault in played.unmet if fault in scene.script)
        return played

    return run_check(check, besides, [seed])
