"""Step 5: a second application on the same two hosts, which has it all once more."""

import itertools

import pytest

from labs.lab03_flow.evidence import expect_all_in_order, expect_within_bounds
from labs.lab03_flow.judgements import (
    expect_probes_at_doubling_distance,
    expect_the_credit_to_be_kept,
    expect_the_receiver_to_grant,
    expect_to_survive_a_lost_update,
    moody,
)
from labs.lab03_flow.peers import scores
from labs.lab03_flow.scenes import cards, two_applications
from labs.testbed.judge import Judge
from netstack.flow.sequence import MODULUS
from netstack.wire import MILLISECOND

pytestmark = pytest.mark.step("5")

FLOW = 1


@pytest.mark.exact
@pytest.mark.seeds(2)
def test_the_reporter_keeps_to_the_credit(judge: Judge) -> None:
    """`scores.py` runs where nobody has your other files; against the judge's *board*, it sends what is granted."""
    expect_the_credit_to_be_kept(judge, scores, flow=FLOW)


@pytest.mark.exact
@pytest.mark.seeds(1)
def test_the_reporter_probes(judge: Judge) -> None:
    """Against the judge's *board*, which is full and silent: probes, at doubling distance up to a minute."""
    expect_probes_at_doubling_distance(judge, scores, flow=FLOW)


@pytest.mark.exact
@pytest.mark.seeds(2)
def test_the_board_grants_what_there_is_room_for(judge: Judge) -> None:
    """Against the judge's *reporter*: credit is room, down to nothing, and news of it comes unasked."""
    expect_the_receiver_to_grant(judge, scores, flow=FLOW)


@pytest.mark.seeds(2)
def test_a_lost_update_for_the_board(judge: Judge) -> None:
    """The board goes on, and the message that says so is lost: a probe saves the conversation."""
    expect_to_survive_a_lost_update(judge, scores, flow=FLOW)


def test_on_a_bad_line(judge: Judge) -> None:
    """A line that loses, doubles and reorders, a moody reader, numbers that go round: all is well."""
    source = judge.random
    sent, capacity, first = cards(20, source), source.randint(3, 6), MODULUS - source.randint(3, 30)
    link = {"loss": 5, "duplicate": 4, "reorder": 6}
    scene = scores(sent, reader=moody(60 * MILLISECOND), link=link, capacity=capacity, first=first, name="bad-line")
    trace = judge.play(scene.scripted(f"drop a-b:data:{source.randint(2, 18)}"))
    expect_within_bounds(judge, trace, capacity=capacity, first=first, flow=FLOW, port="scores")
    expect_all_in_order(judge, trace, sent, "scores")
    judge.bites("a score was lost", any(frame.lost for frame in trace.frames("a-b", "data")))
    judge.bites("the window was closed", any(True for _ in trace.frames("b-a", "zero")))


@pytest.mark.seeds(2)
def test_side_by_side(judge: Judge) -> None:
    """Both applications at the same time, on the same two hosts: neither hears what is meant for the other."""
    source = judge.random
    some, others, capacity = cards(12, source), cards(12, source), source.randint(3, 5)
    readers = moody(50 * MILLISECOND), moody(source.randrange(60, 500) * MILLISECOND)
    trace = judge.play(two_applications(some, others, readers=readers, capacity=capacity))
    expect_all_in_order(judge, trace, some, "app")
    expect_all_in_order(judge, trace, others, "scores")
    expect_within_bounds(judge, trace, capacity=capacity, flow=0, port="app")
    expect_within_bounds(judge, trace, capacity=capacity, flow=FLOW, port="scores")
    flows = [frame.data[15] for frame in trace.frames("a-b", "data")]
    judge.bites("cards and scores met on the line", any(one != other for one, other in itertools.pairwise(flows)))
