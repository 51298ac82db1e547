"""The search for a schedule that breaks a check, on a conversation of ten frames that needs no process."""

import time

from mininet.topo import Topo

from labs.story.trace import Trace
from labs.testbed.explore import Perform, Search
from labs.testbed.judge import Judge
from labs.testbed.scene import Plan, Scene
from labs.testbed.sim import Played
from labs.testbed.wiring import frame_event
from netstack.wire import Wire


class Lossy(Topo):
    def build(self, *_: object, **__: object) -> None:
        self.addLink(self.addHost("a"), self.addHost("b"), loss=10)


SCENE = Scene(name="ten frames", topology=Lossy, programs=())


def without_chance(scene: Scene, seed: int) -> Played:
    """Ten frames over the scene's wire, with its script and no chance."""
    link = Plan.of(scene.topology()).links[0]
    wire = Wire(direction="a-b", link="a-b", profile=link.profile, script=scene.script, seed=seed, chance=False)
    trace = Trace(scene=scene.name, seed=seed, testbed="sim", hosts=("a", "b"))
    for now in range(10):
        frame = b"frame %d" % now
        trace.events.append(frame_event(now, "a-b", frame, wire.offer(frame, now=now)))
    return Played(trace=trace, output={}, unmet=wire.unmet())


def lost(judge: Judge) -> set[int]:
    return {frame.index for frame in judge.play(SCENE).frames() if frame.lost}


def needs_two_neighbours(judge: Judge) -> None:
    """Breaks when two frames in a row are lost, which is none of the single faults."""
    gone = lost(judge)
    judge.expect("no two in a row", not any(index + 1 in gone for index in gone), "one of two neighbours arrives")


def searched(check: object, right: Perform | None = None) -> Search:
    search = Search(check=check, perform=without_chance, seed=7, right=right)  # type: ignore[arg-type]
    assert search.prepare()
    return search


def test_it_finds_what_two_faults_together_break() -> None:
    outcome = searched(needs_two_neighbours).run(until=time.monotonic() + 60, progress=lambda tried: None)
    assert outcome is not None
    assert outcome.broken is not None
    assert outcome.broken.identity == "no two in a row"


def test_the_same_seed_finds_the_same() -> None:
    searches = [searched(needs_two_neighbours) for _ in range(2)]
    found = [search.run(until=time.monotonic() + 60, progress=lambda tried: None) for search in searches]
    assert searches[0].tried == searches[1].tried
    assert [outcome.played[0].trace.faults() for outcome in found if outcome] == [
        outcome.played[0].trace.faults() for outcome in reversed(found) if outcome
    ]


def test_what_breaks_a_right_answer_too_is_not_fair() -> None:
    search = searched(needs_two_neighbours, right=without_chance)
    assert search.run(until=time.monotonic() + 0.5, progress=lambda tried: None) is None
    assert search.tried > 0
