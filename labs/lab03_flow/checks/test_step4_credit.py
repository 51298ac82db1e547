"""Step 4: the receiver's credit, the zero window, the lost update, the probe."""

import pytest

from labs.conformance import conforms
from labs.lab03_flow.evidence import (
    expect_all_in_order,
    expect_within_bounds,
    goodput,
)
from labs.lab03_flow.judgements import (
    expect_probes_at_doubling_distance,
    expect_the_credit_to_be_kept,
    expect_the_receiver_to_grant,
    expect_to_survive_a_lost_update,
)
from labs.lab03_flow.peers import cards_by, in_a_script
from labs.lab03_flow.scenes import APPLICATION, cards, stream
from labs.testbed.judge import Judge
from labs.testbed.scene import Reader
from labs.testbed.unit import Script
from netstack.flow.messages import Ack, Probe
from netstack.flow.sequence import MODULUS
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("4")

BY_CREDIT = cards_by("credit")


@pytest.mark.seeds(1)
def test_the_granter_by_itself(judge: Judge) -> None:
    """`Granter` grants what was consumed plus the capacity, and knows what is worth telling."""
    script = Script("granter")
    script.make("credit.Granter", store="granter", keywords={"capacity": 4, "first": 10})
    script.get("granter.limit", returns=14, because="nothing is consumed, and there is room for 4", label="limit")
    because = "both ends know the first limit: there is nothing to tell"
    script.call("granter.worth_telling", returns=False, because=because, label="nothing-new")
    script.call("granter.ack", 10, returns=Ack(10, 4), because="from 10 on there is room for 4", label="four")
    script.call("granter.ack", 13, returns=Ack(13, 1), because="three wait unread: room for 1", label="one")
    script.call("granter.ack", 14, returns=Ack(14, 0), because="four wait unread: the zero window", label="zero")
    script.call("granter.worth_telling", returns=False, because="nothing has changed", label="no-news")
    script.call("granter.consumed", 1, because="the reader reads one", label="consumed-1")
    script.get("granter.limit", returns=15, because="which makes room for one more", label="limit-15")
    script.call("granter.consumed", 2, because="and another: half the room is free", label="consumed-2")
    script.call("granter.worth_telling", returns=True, because="half the room is news", label="news")
    script.call("granter.worth_telling", returns=True, because="and stays news until it is told", label="still-news")
    script.call("granter.ack", 14, returns=Ack(14, 2), because="from 14 on there is room for 2", label="two")
    script.call("granter.worth_telling", returns=False, because="it has been told", label="told")
    script.call("granter.consumed", 4, because="two more are read", label="consumed-4")
    script.call(
        "granter.worth_telling", returns=True, because="half the room since it was last told", label="more-news"
    )
    judge.unit(script)
    judge.unit(_half_of_five())
    judge.unit(_a_large_desk())


def _half_of_five() -> Script:
    """An odd capacity, at the end of the circle."""
    script = Script("five places")
    script.make("credit.Granter", store="granter", keywords={"capacity": 5, "first": MODULUS - 7})
    script.call("granter.ack", MODULUS - 7, returns=Ack(MODULUS - 7, 5), because="there is room for 5", label="five")
    for total, holds, label in ((1, False, "one"), (2, False, "less"), (3, True, "more")):
        script.call("granter.consumed", total, because=f"{total} are read")
        because = f"{total} of 5 are {'more' if holds else 'less'} than half"
        script.call("granter.worth_telling", returns=holds, because=because, label=label)
    script.get("granter.limit", returns=1, because="after 4294967295 comes 0", label="round")
    script.call("granter.ack", MODULUS - 2, returns=Ack(MODULUS - 2, 3), because="numbers go round", label="credit")
    return script


def _a_large_desk() -> Script:
    script = Script("a large desk")
    script.make("credit.Granter", store="granter", keywords={"capacity": 1000})
    script.call("granter.ack", 0, returns=Ack(0, 1000), because="credit has two bytes in the header", label="wide")
    return script


@pytest.mark.seeds(1)
def test_the_spender_by_itself(judge: Judge) -> None:
    """`Spender` keeps to the highest limit it was told, and probes when it is blocked."""
    script = Script("spender")
    script.make("credit.Spender", store="spender", keywords={"probe_after": 0.5, "limit": 4})
    script.call("spender.may_send", 3, returns=True, because="3 comes before 4", label="three")
    script.call("spender.may_send", 4, returns=False, because="4 is the first that may not be sent", label="four")
    script.call("spender.receive", in_a_script(script, Ack(4, 2)), because="room for 2 from 4 on", label="grant")
    script.call("spender.may_send", 5, returns=True, because="the limit is 6", label="five")
    script.call("spender.may_send", 6, returns=False, because="the limit is 6", label="six")
    script.call("spender.receive", in_a_script(script, Ack(3, 1)), because="an old one, come late", label="late")
    script.call("spender.may_send", 5, returns=True, because="what was granted stays granted", label="kept")
    script.call("spender.next_timer", returns=None, because="nobody has said that it is blocked", label="no-timer")
    script.call("spender.blocked", keywords={"now": 1.0}, because="now it is", label="blocked")
    script.call("spender.next_timer", returns=1.5, because="0.5 s later", label="timer")
    script.call("spender.blocked", keywords={"now": 1.2}, because="it still is", label="still-blocked")
    script.call("spender.next_timer", returns=1.5, because="which starts nothing anew", label="same-timer")
    script.call("spender.handle_timer", keywords={"now": 1.4}, returns=None, because="not yet", label="early")
    probe = Probe(6)
    script.call(
        "spender.handle_timer", keywords={"now": 1.5}, returns=probe, because="is there room for 6?", label="probe"
    )
    script.call("spender.next_timer", returns=2.5, because="twice the pause", label="doubled")
    script.call("spender.receive", in_a_script(script, Ack(6, 0)), because="the answer: no room", label="no-room")
    script.call("spender.next_timer", returns=2.5, because="so it goes on asking", label="goes-on")
    script.call("spender.receive", in_a_script(script, Ack(3, 2)), because="an old one, come late: room up to 5")
    script.call("spender.next_timer", returns=2.5, because="the limit is where it was", label="still-asks")
    script.call("spender.handle_timer", keywords={"now": 2.75}, returns=probe, because="a little late", label="probe-2")
    script.call("spender.next_timer", returns=4.75, because="twice the pause, from then on", label="doubled-2")
    script.call("spender.receive", in_a_script(script, Ack(6, 1)), because="room for one", label="room")
    script.call("spender.next_timer", returns=None, because="there is nothing to ask for", label="stopped")
    script.call("spender.blocked", keywords={"now": 9.0}, because="blocked anew", label="blocked-anew")
    script.call("spender.next_timer", returns=9.5, because="from the first pause again", label="first-pause")
    judge.unit(script)


@pytest.mark.exact
@pytest.mark.seeds(2)
def test_the_sender_keeps_to_the_credit(judge: Judge) -> None:
    """Against the judge's *players*: everything that is granted is sent at once, and nothing else."""
    expect_the_credit_to_be_kept(judge, BY_CREDIT)


@pytest.mark.exact
@pytest.mark.seeds(1)
def test_the_limit_goes_round(judge: Judge) -> None:
    """The same where numbers go from 4294967295 to 0."""
    expect_the_credit_to_be_kept(judge, BY_CREDIT, first=MODULUS - judge.random.randint(5, 20))


@pytest.mark.exact
@pytest.mark.seeds(2)
def test_probes(judge: Judge) -> None:
    """Against the judge's *players*, which is full and silent: probes, at doubling distance up to a minute."""
    expect_probes_at_doubling_distance(judge, BY_CREDIT)


@pytest.mark.exact
@pytest.mark.seeds(2)
def test_the_receiver_grants_what_there_is_room_for(judge: Judge) -> None:
    """Against the judge's *teams*: credit is room, down to nothing, and when the reader goes on it is told unasked."""
    expect_the_receiver_to_grant(judge, BY_CREDIT)


def test_a_moody_reader(judge: Judge) -> None:
    """A reader with moods: no card beyond the credit, never more on the desk than it has room for, and all arrive."""
    source = judge.random
    sent, capacity = cards(28, source), source.randint(5, 9)
    begin = source.randrange(40, 120) * MILLISECOND
    pauses = ((begin, begin + 300 * MILLISECOND), (begin + SECOND // 2, begin + 3 * SECOND))
    reader = Reader(every=source.randrange(3, 9) * MILLISECOND, pauses=pauses)
    trace = judge.play(stream("credit", sent, reader=reader, capacity=capacity, name="moody"))
    expect_within_bounds(judge, trace, capacity=capacity)
    expect_all_in_order(judge, trace, sent)
    judge.bites("the window was closed", any(True for _ in trace.frames("b-a", "zero")))


@pytest.mark.seeds(2)
def test_a_lost_window_update(judge: Judge) -> None:
    """The reader goes on, and the message that says so is lost: a probe saves the conversation."""
    expect_to_survive_a_lost_update(judge, BY_CREDIT)


@pytest.mark.exact
@pytest.mark.seeds(1)
def test_the_line_is_full_with_credit(judge: Judge) -> None:
    """With a fast reader and room for 64, credit costs nothing: at least 90 % of what the line can carry."""
    sent = cards(80, judge.random)
    trace = judge.play(stream("credit", sent, timeout=0.06, name="goodput"))
    expect_all_in_order(judge, trace, sent)
    share = goodput(trace)
    judge.expect("goodput:share", share >= 0.9, "at least 90 % of the line is used", found=f"{share:.0%}")


def test_everything_at_once(judge: Judge) -> None:
    """A line that loses, doubles and reorders, a moody reader, numbers that go round: all is well."""
    source = judge.random
    sent, capacity, first = cards(24, source), source.randint(3, 6), MODULUS - source.randint(3, 30)
    reader = Reader(every=5 * MILLISECOND, pauses=((60 * MILLISECOND, 2 * SECOND),))
    link = {"loss": 5, "duplicate": 4, "reorder": 6}
    scene = stream("credit", sent, reader=reader, link=link, capacity=capacity, first=first, name="everything")
    trace = judge.play(scene.scripted(f"drop a-b:data:{source.randint(2, 20)}"))
    expect_within_bounds(judge, trace, capacity=capacity, first=first)
    expect_all_in_order(judge, trace, sent)
    judge.bites("a card was lost", any(frame.lost for frame in trace.frames("a-b", "data")))
    judge.bites("the window was closed", any(True for _ in trace.frames("b-a", "zero")))


@pytest.mark.seeds(1)
def test_the_application(judge: Judge) -> None:
    """People ask *teams*, *teams* asks *players*: the same answers as in every lab, over flow control of your own."""
    conforms(judge, APPLICATION, count=3, every=SECOND // 4)
