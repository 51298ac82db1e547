"""What has come: the window and its edge, and when to acknowledge."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netstack.packets.tcp import Options
from netstack.tcp.reassembler import Reassembler
from netstack.tcp.receiver import Receiver
from tests.netstack.tcp.network import Dialogue, noise
from tests.netstack.tcp.played import PLAIN, Played


def receiver(capacity: int, scale: int = 0, **more: Any) -> Receiver:
    it = Receiver(capacity=capacity, reassembler=Reassembler(0), scale=scale, **more)
    it.announce()
    return it


# When to acknowledge


def test_a_single_segment_waits_for_company() -> None:
    it = Played()
    assert it.hear("PA", b"hello") == []
    assert it.wait(1) == ["40 A 1 ack 6"]


def test_data_carries_the_acknowledgement() -> None:
    it = Played()
    it.hear("PA", b"question")
    assert it.write(b"answer") == ["PA 1:7 ack 9"]
    assert it.hear("A", ack=7) == []
    assert it.wait(1) == []


@pytest.mark.parametrize("full", [536, 1000, 1448, 1460])
def test_every_second_full_segment_whatever_the_other_side_takes_for_full(full: int) -> None:
    """RFC 5681, 4.2. With timestamps a full segment is shorter than the largest that was announced."""
    it = Played()
    answers = [it.hear("A", bytes(full)) for _ in range(10)]
    assert [len(answer) for answer in answers] == [0, 1] * 5


def test_the_first_segments_at_once_for_the_sake_of_slow_start() -> None:
    it = Played(settings=replace(PLAIN, quick_acks=3))
    assert [len(it.hear("A", b"x" * 100)) for _ in range(5)] == [1, 1, 1, 0, 0]


def test_at_once_what_the_sender_must_know() -> None:
    it = Played()
    assert it.hear("A", b"beyond a gap", seq=100) == ["A 1 ack 1"]
    assert it.hear("A", b"x" * 99, seq=1) == ["A 1 ack 112"]  # the end of the gap
    assert it.hear("A", b"x" * 99, seq=1) == ["A 1 ack 112"]  # a repetition
    it.theirs = 112
    assert it.hear("FA") == ["A 1 ack 113"]


def test_an_acknowledgement_is_not_acknowledged() -> None:
    it = Played()
    it.write(b"x" * 3000)
    assert it.hear("A", ack=1461) == []
    assert it.hear("A", ack=3001) == []


# The window


def test_the_window_shrinks_by_what_is_not_read_and_opens_again() -> None:
    it = Played(settings=replace(PLAIN, receive_buffer=4000))
    it.hear("A", bytes(1000))
    it.hear("A", bytes(1000))
    assert it.sent[-1].window == 2000
    assert it.user(lambda connection: connection.read(2000, now=it.now)) == ["A 1 ack 2001"]
    assert it.sent[-1].window == 4000


def test_what_is_beyond_the_window_is_cut_off() -> None:
    it = Played(settings=replace(PLAIN, receive_buffer=1000))
    assert it.hear("A", b"x" * 1500) == ["A 1 ack 1001"]
    assert it.sent[-1].window == 0
    assert it.it.readable == 1000


def test_a_closed_window_still_takes_acknowledgements() -> None:
    """RFC 9293, 3.10.7.4, first check: or else two full sides would wait for each other."""
    it = Played(settings=replace(PLAIN, receive_buffer=1000))
    it.write(b"x" * 500)
    it.hear("A", b"y" * 1000)
    assert it.hear("A", b"z", ack=501) == ["A 501 ack 1001"]
    assert it.it.sender.unacknowledged == it.isn + 501


def test_an_acknowledgement_from_a_side_that_has_filled_our_window() -> None:
    """Its number is the one just behind the window, while something inside is missing."""
    it = Played(settings=replace(PLAIN, receive_buffer=3000))
    it.write(b"x" * 500)
    it.hear("A", bytes(2000), seq=1001)
    it.hear("A", seq=3001, ack=501)
    assert it.it.sender.unacknowledged == it.isn + 501


def test_a_bare_fin_needs_no_room() -> None:
    it = Played(settings=replace(PLAIN, receive_buffer=1000))
    it.hear("A", bytes(1000))
    assert it.hear("FA") == ["A 1 ack 1002"]


def test_a_window_that_was_closed_is_announced_when_it_is_worth_a_segment() -> None:
    it = Played(settings=replace(PLAIN, receive_buffer=4000))
    for _ in range(4):
        it.hear("A", bytes(1000))
    assert it.sent[-1].window == 0
    assert it.user(lambda connection: connection.read(900, now=it.now)) == []
    assert it.user(lambda connection: connection.read(100, now=it.now)) == ["A 1 ack 4001"]
    assert it.sent[-1].window == 1000


def test_no_silly_windows() -> None:
    """A reader that takes a byte at a time moves the edge in steps worth a segment (RFC 9293, 3.8.6.2.2)."""
    it = receiver(4000)
    for start in range(0, 4000, 1000):
        it.receive(start, bytes(1000), False, now=0.0)
    it.announce()
    announced = []
    for _ in range(4000):
        it.read(1, now=0.0)
        announced.append(it.announce())
    assert sorted(set(announced)) == [0, 1000, 2000, 3000, 4000]


def test_a_small_buffer_moves_by_its_half() -> None:
    it = receiver(600)
    it.receive(0, bytes(600), False, now=0.0)
    assert it.announce() == 0
    it.read(299, now=0.0)
    assert it.announce() == 0
    it.read(1, now=0.0)
    assert it.announce() == 300


def test_single_bytes_do_not_talk_a_scaled_window_into_growing() -> None:
    """Nobody reads, and each byte is acknowledged: rounding must not give away room that is not there."""
    it = receiver(200_000, scale=7)
    position = 0
    while it.open_window and position < 10_000:
        it.receive(position, b"x", False, now=0.0)
        position += 1
        announced = it.announce()
        assert position + announced <= 200_000
    assert announced <= 190_000


@given(
    st.integers(0, 9),
    st.integers(1, 3000),
    st.lists(st.tuples(st.sampled_from(["come", "late", "read"]), st.integers(1, 2000)), max_size=60),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_the_promise_of_the_window(scale: int, units: int, steps: list[tuple[str, int]]) -> None:
    """Never more is promised than the buffer holds; the edge never moves back by a unit; all promised is taken."""
    capacity = (units << scale) + 7
    it = receiver(capacity, scale=scale)
    edge = it.announce()
    for what, count in steps:
        if what == "read":
            it.read(count, now=0.0)
        else:
            start = it.wanted + (count if what == "late" else 0)
            inside = bytes(max(0, min(count, edge - start)))
            before = it.reassembler.wanted
            it.receive(start, inside, False, now=0.0)
            if what == "come":
                assert it.reassembler.wanted >= before + len(inside), "what was promised was refused"
        window = it.announce()
        assert window % (1 << scale) == 0
        assert it.readable + window <= capacity
        assert it.wanted + window > edge - (1 << scale)
        edge = max(edge, it.wanted + window)


# Selective acknowledgements


def test_blocks_tell_what_has_come_and_fit_beside_the_stamps() -> None:
    settings = replace(PLAIN, sack=True, timestamps=True)
    it = Played(settings=settings, options=Options(mss=1460, sack_permitted=True, timestamps=(1, 0)), opened=False)
    for seq in (1001, 2001, 3001, 4001):
        it.hear("A", bytes(500), seq=seq, ack=1, options=Options(timestamps=(2, 0)))
    assert [(begin - it.irs, end - it.irs) for begin, end in it.sent[-1].options.sack] == [
        (4001, 4501),
        (3001, 3501),
        (2001, 2501),
    ]


def test_no_blocks_for_a_side_that_does_not_know_them() -> None:
    it = Played(settings=replace(PLAIN, sack=True))
    it.hear("A", bytes(500), seq=1001)
    assert it.sent[-1].options.sack == ()


def test_blocks_and_a_full_payload_stay_within_the_segment_size() -> None:
    dialogue = Dialogue(script=["drop a-b:data:3", "drop b-a:data:3", "drop a-b:data:11"])
    lengths = []
    transmit = dialogue._transmit

    def watch(name: str, segment: Any) -> None:
        lengths.append(len(segment.payload) + len(segment.options.build()))
        transmit(name, segment)

    dialogue._transmit = watch  # type: ignore[method-assign]
    for name in "ab":
        dialogue.say(name, noise(60_000))
    dialogue.run(until=10)
    assert max(lengths) == 1460
