"""Step 7: the same on an emulated network, in real time."""

import pytest

from labs.conformance import asking, drawn, expect_answers
from labs.lab03_flow.evidence import expect_all_in_order, expect_within_bounds
from labs.lab03_flow.judgements import expect_to_survive_a_lost_update
from labs.lab03_flow.peers import cards_by
from labs.lab03_flow.scenes import APPLICATION, cards, stream
from labs.testbed.judge import Judge
from labs.testbed.scene import Reader
from netstack.wire import MILLISECOND

pytestmark = [pytest.mark.step("7"), pytest.mark.testbeds("mininet")]


def test_a_moody_reader_in_real_time(judge: Judge) -> None:
    """On an emulated network that loses, with a real clock: within the credit, within the bound, all in order."""
    source = judge.random
    sent, capacity = cards(60, source), source.randint(5, 10)
    reader = Reader(every=5 * MILLISECOND, pauses=((100 * MILLISECOND, 900 * MILLISECOND),))
    trace = judge.play(stream("credit", sent, reader=reader, link={"loss": 4}, capacity=capacity, name="moody"))
    expect_within_bounds(judge, trace, capacity=capacity)
    expect_all_in_order(judge, trace, sent)
    judge.bites("a frame was lost", any(frame.lost for frame in trace.frames()))
    judge.bites("the window was closed", any(True for _ in trace.frames("b-a", "zero")))


def test_a_lost_window_update_in_real_time(judge: Judge) -> None:
    """There the reader goes on, and the message that says so is lost: a probe saves the conversation."""
    expect_to_survive_a_lost_update(judge, cards_by("credit"))


def test_the_application_in_real_time(judge: Judge) -> None:
    """There people ask *teams*, and get their answers, over flow control of your own."""
    asked = drawn(judge.random, 12)
    trace = judge.play(asking(APPLICATION, asked, every=50 * MILLISECOND))
    expect_answers(judge, trace, APPLICATION, asked)
