"""Of a long schedule only the faults remain that break the program, and they break it in the same way."""

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mininet.topo import Topo

from labs.story.trace import FrameEvent, Line, Trace
from labs.testbed.judge import Judge, Outcome, Verdict, run_check
from labs.testbed.scene import Scene
from labs.testbed.shrink import same_failure, schedule_of, shrink, shrink_failure, with_schedule
from labs.testbed.sim import Played
from netstack.wire import MILLISECOND, Fault, Profile, Wire

# Delta debugging ------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    st.integers(0, 40).flatmap(
        lambda n: st.tuples(st.just(n), st.sets(st.integers(0, max(0, n - 1)), max_size=min(n, 6)))
    )
)
def test_exactly_the_guilty_remain(crowd: tuple[int, set[int]]) -> None:
    count, guilty = crowd
    assert shrink(range(count), lambda part: guilty <= set(part)) == tuple(sorted(guilty))


@settings(deadline=None)
@given(st.lists(st.frozensets(st.integers(0, 11), min_size=1, max_size=4), min_size=1, max_size=6))
def test_no_single_one_can_be_spared_however_the_failure_comes_about(causes: list[frozenset[int]]) -> None:
    """Several causes, of which any one suffices, and which may cancel each other: an oracle that is not monotone."""

    def fails(part: Sequence[int]) -> bool:
        met = sum(cause <= set(part) for cause in causes)
        return met in (1, 3) or set(part) == everything

    everything = set(range(12))
    left = shrink(range(12), fails)
    assert fails(left)
    assert not any(fails([other for other in left if other != spared]) for spared in left)


def test_nothing_is_asked_twice_and_three_of_forty_take_some_25_runs() -> None:
    counts = []
    for seed in range(50):
        guilty = set(random.Random(seed).sample(range(40), 3))
        asked: list[tuple[int, ...]] = []

        def fails(part: Sequence[int], guilty: set[int] = guilty, asked: list[tuple[int, ...]] = asked) -> bool:
            asked.append(tuple(part))
            return guilty <= set(part)

        shrink(range(40), fails)
        assert len(asked) == len(set(asked))
        counts.append(len(asked))
    assert 20 < sum(counts) / len(counts) < 30, counts
    assert max(counts) <= 40


# A failing check ------------------------------------------------------------------------------------------------------


class Pair(Topo):
    def build(self) -> None:
        self.addLink(self.addHost("a"), self.addHost("b"))


SCENE = Scene(name="chatter", topology=Pair, programs=())
COUNT = 60


def perform(scene: Scene, seed: int, loss: float = 0.0) -> Played:
    """a sends COUNT frames to b, and none again: what is lost is lost."""
    wire = Wire(direction="a-b", link="a-b", profile=Profile(loss=loss), script=scene.script, seed=seed)
    trace = Trace(scene=scene.name, seed=seed, testbed="sim", hosts=("a", "b"), lines=(Line("a-b", ("a", "b")),))
    for number in range(1, COUNT + 1):
        fate = wire.offer(b"%d" % number, now=number * MILLISECOND)
        faults, arrivals = tuple(map(str, fate.faults)), tuple(delivery.at for delivery in fate.deliveries)
        trace.events.append(
            FrameEvent(number * MILLISECOND, "a-b", fate.kind, fate.index, b"x", fate.lost, faults, arrivals)
        )
    return Played(trace=trace, output={}, unmet=wire.unmet())


def lossy(scene: Scene, seed: int) -> Played:
    return perform(scene, seed, loss=0.5)


def two_in_a_row_are_one_too_many(judge: Judge) -> None:
    """Breaks when two frames in a row are lost, and in another way when the last one is."""
    trace = judge.play(SCENE)
    lost = {frame.index for frame in trace.frames() if frame.lost}
    judge.bites("something was lost", bool(lost))
    judge.expect("never two", not any(index + 1 in lost for index in lost), "two frames in a row are never lost")
    judge.expect("not the last", COUNT not in lost, "the last frame arrives")


@pytest.fixture
def failed() -> Outcome:
    outcome = run_check(two_in_a_row_are_one_too_many, lossy, [7])
    assert outcome.verdict is Verdict.FAIL
    assert len(schedule_of(outcome)) > 20, "chance alone, and all of it written down"
    return outcome


def test_chance_is_shrunk_to_the_script_that_matters(failed: Outcome) -> None:
    heard: list[tuple[int, int]] = []
    shrunk = shrink_failure(
        two_in_a_row_are_one_too_many, perform, failed, progress=lambda runs, left: heard.append((runs, left))
    )
    assert shrunk is not None
    first, second = shrunk.schedule
    assert second.first == first.first + 1, "two frames in a row, nothing else"
    assert shrunk.finished
    assert shrunk.whole == len(schedule_of(failed))
    assert same_failure(shrunk.outcome, failed)
    assert shrunk.fault_free.verdict is Verdict.INCONCLUSIVE, "without faults nothing bites"
    assert heard[-1] == (shrunk.runs, 2)
    assert [left for _, left in heard] == sorted((left for _, left in heard), reverse=True), "it only ever gets shorter"


def test_the_shrunk_schedule_fails_when_it_is_played_again(failed: Outcome) -> None:
    shrunk = shrink_failure(two_in_a_row_are_one_too_many, perform, failed)
    assert shrunk is not None
    told = [str(fault) for fault in shrunk.schedule]
    again = run_check(
        two_in_a_row_are_one_too_many, lambda scene, seed: perform(scene.scripted(*told), seed), [failed.seed]
    )
    assert same_failure(again, failed)


def test_what_fails_without_any_fault_shrinks_to_none() -> None:
    def hopeless(judge: Judge) -> None:
        judge.play(SCENE)
        judge.expect("flying", False, "pigs fly")

    shrunk = shrink_failure(hopeless, perform, run_check(hopeless, lossy, [7]))
    assert shrunk is not None
    assert (shrunk.schedule, shrunk.runs) == ((), 1)
    assert shrunk.outcome is shrunk.fault_free


def test_what_does_not_fail_as_a_schedule_is_not_shrunk(failed: Outcome) -> None:
    def lucky(judge: Judge) -> None:
        judge.play(SCENE)
        judge.expect("never two", judge.played[0].trace.frames is None, "never") if lucky_once.pop() else None

    lucky_once = [False, False, True]
    outcome = run_check(lucky, lossy, [7])
    assert outcome.verdict is Verdict.FAIL
    assert shrink_failure(lucky, perform, outcome) is None


@pytest.mark.parametrize("limit", [{"most_runs": 5}, {"seconds": 0.0}])
def test_a_search_that_runs_out_of_time_tells_what_it_has(failed: Outcome, limit: dict[str, float]) -> None:
    search: Callable = shrink_failure
    shrunk = search(two_in_a_row_are_one_too_many, perform, failed, **limit)
    assert not shrunk.finished
    assert shrunk.runs <= 5
    assert len(shrunk.schedule) > 2
    assert same_failure(shrunk.outcome, failed)


def test_a_fault_waiting_for_a_frame_that_never_came_is_part_of_the_schedule() -> None:
    def silent(judge: Judge) -> None:
        judge.play(SCENE.scripted("drop a-b:frame:3", "drop a-b:frame:99"))

    outcome = run_check(silent, perform, [7])
    assert outcome.broken is not None
    assert outcome.broken.identity == "silence:frame"
    shrunk = shrink_failure(silent, perform, outcome)
    assert shrunk is not None
    assert list(map(str, shrunk.schedule)) == ["drop a-b:frame:99"]


def test_a_schedule_keeps_to_the_network_of_its_scene() -> None:
    faults = tuple(
        map(Fault.parse, ("drop a-b:frame:1", "drop b-a:frame:1", "drop a-c:frame:1", "cut a-b:1s-2s", "cut b-c:1s-2s"))
    )
    kept = with_schedule(SCENE.scripted("drop a-b:frame:5"), faults).script
    assert list(map(str, kept)) == ["drop a-b:frame:1", "drop b-a:frame:1", "cut a-b:1s-2s"]
