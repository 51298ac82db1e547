"""What is lost goes again, once: three duplicates, partial acknowledgements, selective ones, and the timer."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netstack.packets.tcp import Options
from netstack.tcp import NewReno, State
from netstack.tcp.flight import Flight, Sent
from netstack.tcp.loss import Counting, Report
from tests.netstack.tcp.network import Dialogue, noise
from tests.netstack.tcp.played import PLAIN, Played
from tests.netstack.tcp.test_hardening import recount

RENO = replace(PLAIN, congestion=NewReno, nagle=False)
COUNTING = replace(RENO, sack=True)
SACK = Options(mss=1460, sack_permitted=True)
S = 1460


def ten_under_way(its: Played) -> Played:
    its.write(bytes(20 * S))
    assert its.it.sender.flight.outstanding == 10 * S
    return its


# Without selective acknowledgements: RFC 5681, RFC 6582


def test_three_duplicates_and_the_first_segment_goes_again() -> None:
    it = ten_under_way(Played(settings=RENO))
    # RFC 3042: the first two let one new segment go each, for one has left the network.
    assert it.hear("A") == [f"A {1 + 10 * S}:{1 + 11 * S} ack 1"]
    assert it.hear("A") == [f"A {1 + 11 * S}:{1 + 12 * S} ack 1"]
    assert it.hear("A") == [f"A 1:{1 + S} ack 1"]
    assert (
        it.it.sender.recovery.congestion.window == 5 * S
    )  # half of the ten that the window let go; limited transmit sent two more
    assert it.hear("A") == []


def test_what_is_no_duplicate_does_not_count() -> None:
    """RFC 5681, 2: not with data, not with another window, not an older number, not while nothing is under way."""
    it = ten_under_way(Played(settings=RENO))
    it.hear("A", ack=1 + S)
    sent = len(it.sent)
    for _ in range(5):
        it.hear("A", b"data")
        it.hear("A", window=it.it.sender.window - 1)
        it.hear("A", ack=1)
    assert [segment for segment in it.sent[sent:] if segment.payload] == []
    assert it.it.sender.recovery.episode == ""


def test_partial_acknowledgements_mend_one_gap_each() -> None:
    """Segments 1, 4 and 7 of ten are lost (RFC 6582, 3.2)."""
    it = ten_under_way(Played(settings=RENO))
    for _ in range(3):
        it.hear("A")
    recover = it.it.sender.next - it.isn
    told = it.hear("A", ack=1 + 3 * S)
    assert told[0] == f"A {1 + 3 * S}:{1 + 4 * S} ack 1"
    told = it.hear("A", ack=1 + 6 * S)
    assert told[0] == f"A {1 + 6 * S}:{1 + 7 * S} ack 1"
    window = it.it.sender.recovery.congestion.window
    assert it.it.sender.recovery.episode == "recovery"
    it.hear("A", ack=recover)
    assert it.it.sender.recovery.episode == ""
    assert it.it.sender.recovery.congestion.window == window == 5 * S


def test_duplicates_after_a_timeout_do_not_begin_a_recovery() -> None:
    """They come from what was sent twice (RFC 6582, 4)."""
    it = ten_under_way(Played(settings=RENO))
    it.wait(0.25)
    it.hear("A", ack=1 + 2 * S)
    window = it.it.sender.recovery.congestion.window
    sent = len(it.sent)
    for _ in range(4):
        it.hear("A")
    assert it.it.sender.recovery.congestion.window == window
    assert f"A {1 + 2 * S}:{1 + 3 * S} ack 1" not in [it.tell(segment) for segment in it.sent[sent:]]


# With selective acknowledgements: RFC 6675


def test_three_behind_it_have_arrived_so_it_is_lost() -> None:
    it = ten_under_way(Played(settings=COUNTING, options=SACK))
    it.hear("A", options=it.sacks((1 + S, 1 + 2 * S)))
    it.hear("A", options=it.sacks((1 + S, 1 + 3 * S)))
    assert it.it.sender.recovery.episode == ""
    assert it.hear("A", options=it.sacks((1 + S, 1 + 4 * S))) == [f"A 1:{1 + S} ack 1"]
    assert it.it.sender.recovery.congestion.window == 5 * S


def test_two_holes_are_mended_in_one_round_trip() -> None:
    it = ten_under_way(Played(settings=COUNTING, options=SACK))
    told = it.hear("A", options=it.sacks((1 + S, 1 + 3 * S), (1 + 4 * S, 1 + 10 * S)))
    assert told[:2] == [f"A 1:{1 + S} ack 1", f"A {1 + 3 * S}:{1 + 4 * S} ack 1"]


def test_the_window_shrinks_once_for_all_that_one_window_loses() -> None:
    it = ten_under_way(Played(settings=COUNTING, options=SACK))
    windows = set()
    for end in range(3, 11):
        it.hear("A", options=it.sacks((1 + 2 * S, 1 + end * S)))
        windows.add(it.it.sender.recovery.congestion.window)
    assert len(windows) == 2  # before, and after


def test_what_arrived_is_not_sent_again() -> None:
    it = ten_under_way(Played(settings=COUNTING, options=SACK))
    it.hear("A", options=it.sacks((1 + S, 1 + 10 * S)))
    it.hear("A", ack=1 + 10 * S)
    payloads = [it.tell(segment) for segment in it.sent if segment.payload]
    assert len(payloads) - len(set(payloads)) == 1


def test_a_timeout_forgets_what_had_arrived_for_it_may_have_been_thrown_away() -> None:
    """RFC 2018, 8: reneging."""
    it = ten_under_way(Played(settings=COUNTING, options=SACK))
    it.hear("A", options=it.sacks((1 + S, 1 + 3 * S)))
    it.wait(0.25)
    assert it.it.sender.flight.sacked == 0
    told = it.hear("A", ack=1 + S)
    assert told[0] == f"A {1 + S}:{1 + 2 * S} ack 1"


@pytest.mark.parametrize("block", [(1, 1), (5, 2), (-5000, -100), (1 + 50 * S, 1 + 60 * S), (-(2**31) + 9, 2**31 - 9)])
def test_nonsense_blocks_do_no_lasting_harm(block: tuple[int, int]) -> None:
    it = ten_under_way(Played(settings=COUNTING, options=SACK))
    it.hear("A", options=it.sacks(block))
    recount(it.it.sender.flight, S)
    for _ in range(60):
        it.wait(0.25)
        it.hear("A", ack=min(it.it.sender.next - it.isn, it.acked + S))
    assert it.it.sender.flight.outstanding == 0


# The timer


def test_after_a_timeout_everything_goes_again_in_slow_start() -> None:
    it = ten_under_way(Played(settings=RENO))
    assert it.wait(0.25) == [f"200 A 1:{1 + S} ack 1"]
    assert it.hear("A", ack=1 + S) == [
        f"A {1 + S}:{1 + 2 * S} ack 1",
        f"A {1 + 2 * S}:{1 + 3 * S} ack 1",
    ]


def test_the_rest_of_a_segment_goes_again_when_its_beginning_has_arrived() -> None:
    it = Played(settings=RENO)
    it.write(bytes(S))
    it.hear("A", ack=1001)
    assert it.wait(0.25) == [f"200 PA 1001:{1 + S} ack 1"]


# With everything at once


@pytest.mark.parametrize("how", [RENO, COUNTING, replace(COUNTING, rack=True)])
@pytest.mark.parametrize(
    "script",
    [
        ["drop a-b:data:1"],
        ["drop a-b:data:5-8"],
        ["drop a-b:data:5", "drop a-b:data:7", "drop a-b:data:9", "drop a-b:data:20-24"],
        ["drop a-b:data:20-40"],
        ["drop b-a:ack:1-30"],
        ["drop a-b:fin:1-3", "drop b-a:synack:1-2"],
        ["duplicate a-b:data:1-30", "duplicate b-a:ack:1-30"],
        ["hold a-b:data:5:300ms", "hold a-b:data:9-12:700ms"],
        ["flip a-b:data:3:500", "flip b-a:ack:2:333"],
    ],
    ids=lambda script: " ".join(script)[:30],
)
def test_both_streams_arrive_whole(how: object, script: list[str]) -> None:
    dialogue = Dialogue(script=script, a_settings=how, b_settings=how)  # type: ignore[arg-type]
    for name in "ab":
        dialogue.say(name, noise(100_000))
        dialogue.close(name)
    dialogue.run()
    assert dialogue.b is not None
    assert bytes(dialogue.received["a"]) == bytes(dialogue.received["b"]) == noise(100_000)
    assert (dialogue.a.state, dialogue.b.state) == (State.CLOSED, State.CLOSED)


# The records themselves


def test_what_is_acknowledged_is_no_longer_counted_as_departed() -> None:
    """RFC 6582, 3.2, step 3: deflate the window by what is acknowledged, and put one segment back."""
    flight = Flight()
    for index in range(10):
        flight.add(Sent(index * 10, bytes(10), 0.0))
    flight.lose(flight.records[0])
    flight.departed = 6
    assert flight.pipe(10) == 90 - 60
    flight.acknowledge(40)
    assert (flight.departed, flight.pipe(10)) == (3, 60 - 30)
    flight.acknowledge(90)
    assert (flight.departed, flight.pipe(10)) == (0, 10)


steps = st.lists(
    st.tuples(st.sampled_from(["add", "ack", "sack", "lose", "resend", "all", "count"]), st.integers(0, 99)),
    max_size=60,
)


@given(steps)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_the_counters_are_right_after_each_step(schedule: list[tuple[str, int]]) -> None:
    flight, end, una = Flight(), 0, 0
    for what, amount in schedule:
        records = list(flight.records)
        at = una + (end - una) * amount // 100
        if what == "add":
            flight.add(Sent(end, bytes(amount % 7 + 1), 0.0, fin=amount == 99))
            end = flight.records[-1].end
        elif what == "ack":
            una = max(una, at)
            flight.acknowledge(una)
        elif what == "sack":
            fresh = flight.sack([(at, at + 12)])
            assert all(record.sacked for record in fresh)
        elif what == "lose" and records:
            flight.lose(records[amount % len(records)])
        elif what == "resend" and (lost := flight.first_lost()) is not None:
            flight.resent(lost, now=1.0)
        elif what == "all":
            flight.lose_all()
        elif what == "count" and records:
            report = Report(arrived=[], duplicate=True, advanced=False, episode="", round_trip=1.0)
            Counting().acknowledged(flight, report, now=1.0)
        recount(flight, 4)
        assert (flight.records[0].start if flight.records else end) == una
