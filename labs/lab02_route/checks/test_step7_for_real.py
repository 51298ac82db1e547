"""Step 7: all of it on an emulated network: real interfaces, a real clock, and a link that fails."""

from functools import partial

import pytest

from labs.conformance import asking, drawn, expect_answers
from labs.lab02_route.scenes import APPLICATION, by_routing, people, routed
from labs.lab02_route.topology import Ring
from labs.testbed.judge import Judge
from netstack.wire import SECOND

pytestmark = [pytest.mark.step("7"), pytest.mark.testbeds("mininet")]


def test_on_mininet(judge: Judge) -> None:
    """There people ask *teams* at one end of the mesh, and get their answers from *players* at the other."""
    asked = drawn(judge.random, 10)
    trace = judge.play(asking(APPLICATION, asked, every=SECOND // 5))
    expect_answers(judge, trace, APPLICATION, asked)


def test_a_link_fails_on_mininet(judge: Judge) -> None:
    """There the short way fails while people ask: they get their answers by the long way, and notice no more."""
    asked = drawn(judge.random, 12)
    quick = partial(by_routing, period=0.3, timeout=1.8)
    ring = routed("ring", Ring, people(), router=quick, ports=APPLICATION.ports)
    trace = judge.play(asking(ring, asked, every=SECOND // 4).scripted("cut r1-r2:2s-60s"))
    judge.bites("something was lost on the link", any(frame.lost == "cut" for frame in trace.frames()))
    judge.expect(
        "system:around",
        any(True for _ in trace.frames("r3-r2", "data")),
        "packets come to b the long way round",
        found="none came by r3-r2",
    )
    expect_answers(judge, trace, ring, asked)
