"""Step 5: a second application on the same two hosts, which has it all once more."""

import itertools

import pytest

from labs.lab03_flow.evidence import expect_all_in_order, expect_within_bounds, said, seconds
from labs.lab03_flow.judgements import (
    expect_probes_at_doubling_distance,
    expect_the_credit_to_be_kept,
    expect_the_receiver_to_grant,
    expect_to_survive_a_lost_update,
    moody,
)
from labs.lab03_flow.peers import against_us, scores, strays
from labs.lab03_flow.scenes import cards, two_applications
from labs.testbed.judge import Judge
from netstack.flow.messages import Ack, Data, Probe
from netstack.flow.sequence import MODULUS
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("5")

FLOW = 1


@pytest.mark.exact
@pytest.mark.seeds(2)
def test_the_reporter_keeps_to_the_credit(judge: Judge) -> None:
    """`scores.py` runs where nobody has your other files; against the judge's *board*, it sends what is granted."""
    expect_the_credit_to_be_kept(judge, scores, flow=FLOW)


@pytest.mark.exact
@pytest.mark.seeds(1)
def test_the_reporter_keeps_to_its_arguments(judge: Judge) -> None:
    """The board is silent: the reporter fills its window, repeats in time, and does not believe strangers."""
    source = judge.random
    window, pause, flow = source.randint(2, 4), source.randrange(140, 280) * MILLISECOND, source.randint(2, 250)
    terms = {"window": window, "timeout": pause / SECOND, "flow": flow, "seconds": 3.5 * pause / SECOND}
    besides = [(pause // 3 + n, data) for n, data in enumerate(strays("b", Ack(window, 9), flow))]
    scene = against_us(scores, "b", name="silent-board", payloads=cards(9, source), besides=besides, **terms)
    trace = judge.play(scene)
    others = [frame for frame in trace.frames("a-b") if frame.data[15] != flow]
    judge.expect("terms:flow", not others, f"every frame has the flow number {flow}", frame=next(iter(others), None))
    found = [(frame, message.number) for frame, message in said(trace, "a-b", flow) if isinstance(message, Data)]
    early = [number for frame, number in found if frame.at < pause // 3]
    first = list(range(window))
    judge.expect("terms:window", early == first, f"it sends {window} scores, its window", found=f"it sent {early}")
    more = [(frame, number) for frame, number in found if frame.at >= pause // 3 and number]
    judge.expect(
        "terms:stranger",
        not more,
        "what a stranger acknowledges, or what is said to a stranger, acknowledges nothing",
        found=f"then it sent number {more[0][1]}" if more else "",
        frame=more[0][0] if more else None,
    )
    times = [frame.at for frame, _ in found[window:]]
    right = [n * pause for n in (1, 2, 3)]
    judge.expect(
        "terms:timeout" if times else "terms:repeat",
        times == right,
        f"the oldest is repeated each {seconds(pause)}, for nobody has acknowledged it",
        found=f"it was at {', '.join(map(seconds, times)) or 'no time'}",
    )


@pytest.mark.exact
@pytest.mark.seeds(1)
def test_the_board_hears_its_reporter_only(judge: Judge) -> None:
    """To the board come a score, the same from strangers, and what is no message: it shows the one score."""
    source = judge.random
    flow, (score, other) = source.randint(2, 250), cards(2, source)
    besides = [(30 * MILLISECOND + n, data) for n, data in enumerate(strays("a", Data(1, other), flow))]
    opening = [(0, Data(0, score)), (60 * MILLISECOND, Probe(1))]
    scene = against_us(scores, "a", name="strangers", opening=opening, besides=besides, flow=flow, seconds=0.2)
    trace = judge.play(scene)
    shown = trace.delivered("b", "scores")
    judge.expect("terms:stranger", shown == [score], "only the reporter's score is shown", found=f"{len(shown)} were")
    judge.expect(
        "terms:flow",
        len(said(trace, "b-a", flow)) == 2,
        f"the score and the probe are answered, in the flow number {flow}",
        found=f"{len(said(trace, 'b-a', flow))} answers came",
    )


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
