"""Loss by time instead of order, and the probe at the tail (RFC 8985)."""

from dataclasses import replace

from netstack.packets.tcp import Options
from netstack.tcp import NewReno
from netstack.tcp.flight import Flight, Sent
from netstack.tcp.loss import Report
from netstack.tcp.rack import Rack
from tests.netstack.tcp.network import Dialogue, noise
from tests.netstack.tcp.played import PLAIN, Played

RACK = replace(PLAIN, sack=True, rack=True, congestion=NewReno, nagle=False)
SACK = Options(mss=1460, sack_permitted=True)
S = 1460


class Judged:
    """A flight of segments of ten bytes, sent a millisecond apart, and Rack's opinion of it."""

    def __init__(self, count: int) -> None:
        self.flight, self.rack = Flight(), Rack()
        for index in range(count):
            self.flight.add(Sent(index * 10, bytes(10), index / 1000))
        self.records = list(self.flight.records)

    def arrives(self, *which: int, now: float, shortest: float = 0.1) -> None:
        fresh = [record for index in which for record in self.flight.sack([(index * 10, index * 10 + 10)])]
        report = Report(arrived=fresh, duplicate=False, advanced=False, episode="", round_trip=shortest)
        self.rack.acknowledged(self.flight, report, now=now)

    @property
    def lost(self) -> list[int]:
        return [index for index, record in enumerate(self.records) if record.lost]


def test_what_was_sent_before_something_that_arrived_is_given_a_quarter_of_a_round_trip() -> None:
    it = Judged(5)
    it.arrives(1, now=0.101)
    assert it.lost == []
    due = it.rack.next_timer()
    assert due == 0.0 + 0.1 + 0.025  # sent at 0, the round trip of the one that arrived, and the patience
    it.rack.handle_timer(it.flight, now=due - 1e-6)
    assert it.lost == []
    it.rack.handle_timer(it.flight, now=due)
    assert it.lost == [0]
    assert it.rack.next_timer() is None


def test_three_that_arrived_out_of_order_end_the_patience() -> None:
    it = Judged(6)
    it.arrives(2, 3, 4, now=0.104)
    assert it.lost == [0, 1]


def test_what_was_sent_later_is_not_judged() -> None:
    it = Judged(10)
    it.arrives(2, 3, 4, now=0.104)
    assert all(index < 2 for index in it.lost)


def test_once_reordering_was_seen_there_is_patience_again() -> None:
    it = Judged(8)
    it.arrives(3, now=0.103)
    it.arrives(1, now=0.104)  # later than one behind it, and never sent again
    it.arrives(4, 5, now=0.105)
    assert it.lost == []
    assert it.rack.next_timer() is not None


def test_a_gap_that_closes_behind_what_was_known_is_no_reordering() -> None:
    """The first was lost and sent again. That the others have arrived had been said before."""
    it = Judged(4)
    it.arrives(1, 2, 3, now=0.103)
    assert it.lost == [0]
    it.flight.resent(it.records[0], now=0.103)
    arrived = it.flight.acknowledge(40)
    assert [record.start for record in arrived] == [0]
    it.rack.acknowledged(
        it.flight, Report(arrived=arrived, duplicate=False, advanced=True, episode="recovery", round_trip=0.1), now=0.2
    )
    assert not it.rack._reordering


def test_a_retransmission_that_is_lost_again_is_found() -> None:
    """Counting never finds that; it takes a timeout."""
    it = Judged(6)
    it.arrives(1, 2, 3, now=0.103)
    it.flight.resent(it.records[0], now=0.104)
    it.arrives(4, now=0.110)
    assert it.lost == []
    it.flight.add(Sent(60, bytes(10), 0.120))
    it.arrives(6, now=0.225)
    assert 0 in it.lost


def test_an_answer_sooner_than_any_round_trip_is_for_the_earlier_try() -> None:
    it = Judged(3)
    it.flight.lose(it.records[0])
    it.flight.resent(it.records[0], now=0.1)
    it.arrives(0, now=0.101)
    it.rack.handle_timer(it.flight, now=10.0)
    assert it.lost == []


def test_one_that_was_just_sent_again_does_not_hide_those_behind_it() -> None:
    it = Judged(6)
    it.flight.lose(it.records[0])
    it.flight.resent(it.records[0], now=0.101)
    it.arrives(3, 4, 5, now=0.105)
    assert it.lost == [1, 2]


# In a connection


def test_reordering_does_not_slow_down() -> None:
    settings = replace(RACK, timestamps=True)
    dialogue = Dialogue(a_settings=settings, b_settings=settings, script=["hold a-b:data:15-16:2ms"])
    dialogue.say("a", noise(60_000))
    dialogue.run(until=10)
    assert bytes(dialogue.received["b"]) == noise(60_000)


def test_a_tail_probe_before_the_timeout() -> None:
    """RFC 8985, 7: after two round trips the last segment once more; its acknowledgement shows what is missing."""
    it = Played(settings=RACK, options=SACK, round_trip=0.1)
    it.write(bytes(3 * S))
    assert it.wait(0.21) == [f"200 PA {1 + 2 * S}:{1 + 3 * S} ack 1"]
    it.now += 0.1
    told = it.hear("A", options=it.sacks((1 + 2 * S, 1 + 3 * S)))
    assert told == [f"A 1:{1 + S} ack 1", f"A {1 + S}:{1 + 2 * S} ack 1"]


def test_the_timer_takes_over_when_the_probe_is_lost_too() -> None:
    it = Played(settings=RACK, options=SACK, round_trip=0.1)
    it.write(bytes(3 * S))
    window = it.it.sender.recovery.congestion.window
    assert len(it.wait(0.25)) == 1
    assert it.it.sender.recovery.congestion.window == window
    assert it.wait(0.3) == [f"250 A 1:{1 + S} ack 1"]  # 300 ms after the probe


def test_a_probe_is_something_new_if_there_is_anything() -> None:
    """Even if it is small, and Nagle's rule would have it wait."""
    it = Played(settings=replace(RACK, nagle=True), options=SACK, round_trip=0.1)
    it.write(bytes(S + 10))
    assert it.write(b"y" * 10) == []
    assert it.wait(0.21) == [f"200 PA {11 + S}:{21 + S} ack 1"]


def test_a_single_segment_is_given_the_time_for_a_held_back_acknowledgement() -> None:
    it = Played(settings=RACK, options=SACK, round_trip=1.0)
    it.write(b"hello")
    assert it.wait(2.9) == ["2200 PA 1:6 ack 1"]


def test_no_probe_once_something_is_known_to_be_missing() -> None:
    it = Played(settings=RACK, options=SACK, round_trip=0.1)
    it.write(bytes(10 * S))
    it.now += 0.1
    it.hear("A", options=it.sacks((1 + S, 1 + 2 * S)))
    # The patience of a quarter ends, and it is sent again; nothing is sent for the tail's sake.
    assert [text.split(maxsplit=1)[1] for text in it.wait(0.19)] == [f"A 1:{1 + S} ack 1"]


def test_only_one_probe_at_a_time() -> None:
    it = Played(settings=RACK, options=SACK, round_trip=0.1)
    it.write(bytes(3 * S))
    told = it.wait(3.0)
    assert [text.split(maxsplit=1)[1] for text in told] == [
        f"PA {1 + 2 * S}:{1 + 3 * S} ack 1",
        *[f"A 1:{1 + S} ack 1"] * 3,
    ]


def test_no_probes_without_selective_acknowledgements() -> None:
    """RFC 8985, 7.2: they would tell nothing."""
    it = Played(settings=RACK, round_trip=0.1)
    it.write(bytes(3 * S))
    assert it.wait(0.29) == []
