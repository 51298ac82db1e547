"""Step 7: the same on an emulated machine, in real time."""

import pytest

from labs.conformance import asking, conforms, drawn, expect_answers
from labs.lab00_machine.scenes import APPLICATION
from labs.testbed.judge import Judge
from netstack.wire import MILLISECOND


@pytest.mark.step(7)
@pytest.mark.testbeds("mininet")
def test_people_get_their_answers_in_real_time(judge: Judge) -> None:
    """On an emulated machine, with a real clock, people are told what the cards say."""
    conforms(judge, APPLICATION, count=4, every=400 * MILLISECOND)


@pytest.mark.step(7)
@pytest.mark.testbeds("mininet")
def test_a_dozen_at_once_in_real_time(judge: Judge) -> None:
    """Twelve who ask there at the same moment each get their answer."""
    asked = drawn(judge.random, 12)
    trace = judge.play(asking(APPLICATION, asked, every=0))
    expect_answers(judge, trace, APPLICATION, asked, in_order=False)
