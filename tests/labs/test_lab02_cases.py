"""Lab 2's cases: which frames prove a defect is worked out, not guessed.

A frame proves that its sender is wrong if a right router, to which all came that came to this one, would not have sent
it, or not then. So each router of a case is played anew by the reference, alone among recordings of its neighbours.
"""

from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from mininet.topo import Topo

from labs.course import open_course
from labs.grading.answers import given_folder, play_case
from labs.grading.reference import Patch, lay_out, read_patches
from labs.lab01_wire.peers import Timed, acting
from labs.lab02_route.kinds import classify
from labs.lab02_route.scenes import SCENES, beyond, by_routing, links_of
from labs.lab02_route.topology import DELAY
from labs.story.trace import FrameEvent, Trace
from labs.testbed.cast import Cast
from labs.testbed.scene import Limits, Plan, Scene
from labs.testbed.sim import play
from netstack.wire import SECOND

LAB = open_course().lab("2")
BEHIND_ADDRESSES = 12  # a host's cards have other addresses in another topology


class Alone(Topo):
    """A router and its neighbours, by the numbers of its links."""

    def build(self, router: str = "", neighbours: tuple[str, ...] = ()) -> None:
        self.addHost(router, ip=None)
        for neighbour in neighbours:
            self.addLink(router, self.addHost(neighbour, ip=None), delay=DELAY)


def sent(trace: Trace, router: str) -> list[FrameEvent]:
    return [frame for frame in trace.frames() if frame.direction.startswith(f"{router}-")]


def played_right(trace: Trace, plan: Plan, router: str, cast: Cast, seed: int) -> Counter[tuple[int, str, bytes]]:
    """What the reference sends, and when, if all comes to it that came to `router`."""
    neighbours = tuple(beyond(link, router) for link in links_of(plan, router))
    told: dict[str, list[Timed]] = {}  # in the order in which they first spoke, which decides who is heard first
    for frame in trace.frames():
        if frame.direction.endswith(f"-{router}") and frame.arrivals:
            told.setdefault(frame.direction.partition("-")[0], []).append((frame.at, frame.data))
    scene = Scene(
        name="alone",
        topology=partial(Alone, router=router, neighbours=neighbours),
        programs=(by_routing(plan, router), *(acting(each, frames) for each, frames in told.items())),
        classify=classify,
        limits=Limits(time=trace.ended_at + SECOND),
    )
    return Counter(as_told(frame) for frame in sent(play(scene, cast, seed=seed).trace, router))


def as_told(frame: FrameEvent) -> tuple[int, str, bytes]:
    return frame.at, frame.direction, frame.data[BEHIND_ADDRESSES:]


def proofs(trace: Trace, plan: Plan, cast: Cast, seed: int) -> set[str]:
    """The frames that no right router would have sent then, by their names."""
    found = set()
    for router in ("r1", "r2", "r3", "r4"):
        right = played_right(trace, plan, router, cast, seed)
        for frame in sent(trace, router):
            if right[as_told(frame)]:
                right[as_told(frame)] -= 1
            else:
                found.add(f"{frame.direction}:{frame.kind}:{frame.index}")
    return found


@pytest.mark.parametrize("patch", read_patches(LAB.folder / "held"), ids=lambda patch: patch.name)
def test_the_frames_that_prove_a_defect_are_those_that_a_right_router_would_not_have_sent(
    patch: Patch, tmp_path: Path
) -> None:
    right = lay_out(open_course(), LAB, tmp_path / "right")
    wrong = lay_out(open_course(), LAB, tmp_path / "wrong")
    patch.apply(wrong)
    trace = play_case(LAB, patch, wrong)
    with Cast(own=right, given=given_folder(LAB)) as cast:
        plan = Plan.of(SCENES[patch.one("scene")].topology())
        # Under the case's own seed: it decides, too, which of two vectors of the same moment is heard first.
        assert proofs(trace, plan, cast, int(patch.one("seed"))) == set(patch.all("frame"))
