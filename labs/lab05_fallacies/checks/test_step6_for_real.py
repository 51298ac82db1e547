"""Step 6: the same on an emulated network, over the kernel's TCP."""

import pytest

from labs.conformance import asking, drawn, expect_answers
from labs.lab04_stack.evidence import connections
from labs.lab05_fallacies.scenes import APPLICATION, signing
from labs.testbed.judge import Judge
from netstack.wire import MILLISECOND

pytestmark = [pytest.mark.step("6"), pytest.mark.testbeds("mininet")]


def test_the_application_over_the_kernel(judge: Judge) -> None:
    """On an emulated network people ask *teams*, and get their answers, by the standard call."""
    asked = drawn(judge.random, 10)
    trace = judge.play(asking(APPLICATION, asked, every=100 * MILLISECOND))
    expect_answers(judge, trace, APPLICATION, asked, in_order=False)  # they are on their way at the same time


def test_an_answer_lost_for_real(judge: Judge) -> None:
    """There the answer to a signing is lost, and the kernel's repeats of it; the player is signed once all the same."""
    player = f"Nia {judge.random.randrange(1000)}"
    scene = signing(
        [f"{player} for Herons", "Herons?"],
        every=4.0,
        faults=["drop b-a:data:1-3"],
        name="answer-lost-for-real",
        office={"patience": 0.4},
    )
    trace = judge.play(scene)
    judge.bites("the office asked again", connections(trace, "a-b") > 2)
    got = trace.delivered("a")
    team = ["Ada", "Edsger", "Grace", player]
    judge.expect(
        "kernel:once",
        got == [f"{player} for Herons: 4".encode(), f"Herons?: {team}".encode()],
        f"{player} is signed, once, and the office learns of it",
        found=str(got),
    )
