"""How a connection begins, and what both sides agree on."""

from dataclasses import replace
from typing import Any

import pytest

from netstack.packets.tcp import NO_OPTIONS, Options
from netstack.tcp import Connection, Failure, Settings, State
from netstack.tcp.negotiation import scale_for
from tests.netstack.tcp.network import A, B, Dialogue, noise
from tests.netstack.tcp.played import MSS, PLAIN, THEM, US, Played


def test_an_active_open() -> None:
    it = Played(active=True)
    assert it.began == ["S 0", "A 1 ack 1"]
    assert it.sent[0].options == MSS


def test_a_passive_open() -> None:
    it = Played()
    assert it.began == ["SA 0 ack 1"]


def test_data_with_the_answer_is_taken_and_data_with_a_syn_comes_again() -> None:
    it = Played(active=True, opened=False, irs=2**31)
    assert it.hear("SA", b"welcome", options=MSS) == ["A 1 ack 8"]
    assert it.it.read(10, now=it.now) == b"welcome"
    syn = Played(opened=False).segment("S", b"early", seq=0, options=MSS)
    connection = Connection.accept(US, THEM, syn, isn=1, now=0.0, settings=PLAIN)
    assert next(connection.segments_to_send(now=0.0)).acknowledgement == (syn.sequence + 1) % 2**32


def test_an_answer_that_acknowledges_something_else_is_reset_and_ignored() -> None:
    it = Played(active=True, opened=False)
    assert it.hear("SA", seq=0, ack=77, options=MSS) == ["R 77"]
    assert it.hear("SA", seq=0, ack=0, options=MSS) == ["R 0"]
    assert it.hear("RA", seq=0, ack=77) == []
    assert it.hear("R", seq=0) == []
    assert it.hear("A", seq=0, ack=1) == []
    assert it.it.state is State.SYN_SENT


def test_both_open_at_the_same_time() -> None:
    """RFC 9293, 3.5, figure 8; the answers cross, and each has a SYN in it that is known already."""
    it = Played(active=True, opened=False)
    assert it.hear("S", options=MSS) == ["SA 0 ack 1"]
    assert it.it.state is State.SYN_RECEIVED
    it.hear("SA", seq=0, ack=1, options=MSS)
    assert it.it.state is State.ESTABLISHED
    assert it.it.sender.window == it.window
    assert it.write(b"hello") == ["PA 1:6 ack 1"]


def test_a_crossing_answer_that_acknowledges_too_much_is_not_believed() -> None:
    it = Played(active=True, opened=False)
    it.hear("S", options=MSS)
    assert it.hear("SA", b"more", seq=0, ack=5000) == ["R 5000"]
    assert it.it.state is State.SYN_RECEIVED
    assert it.it.sender.unacknowledged == it.isn


def test_two_ends_that_open_at_the_same_time_talk() -> None:
    settings = Settings()
    ends = [
        Connection.connect(A, B, isn=2**32 - 1, now=0.0, settings=settings),
        Connection.connect(B, A, isn=7, now=0.0, settings=settings),
    ]
    on_the_way: list[list[Any]] = [list(end.segments_to_send(now=0.0)) for end in ends]
    for turn in range(1, 6):
        arriving, on_the_way = on_the_way, [[], []]
        for index, end in enumerate(ends):
            for segment in arriving[1 - index]:
                end.receive(segment, now=turn * 0.01)
                on_the_way[index] += end.segments_to_send(now=turn * 0.01)
    assert [end.state for end in ends] == [State.ESTABLISHED] * 2
    assert [len(segments) for segments in on_the_way] == [0, 0]


def test_a_repeated_syn_is_answered_again() -> None:
    it = Played(opened=False)
    assert it.hear("S", seq=0, options=MSS) == ["SA 0 ack 1"]
    assert it.hear("S", seq=0, options=MSS) == ["SA 0 ack 1"]


def test_a_hundred_copies_of_a_syn_do_not_use_up_our_patience() -> None:
    it = Played(opened=False)
    for _ in range(100):
        it.hear("S", seq=0, options=MSS)
    assert it.wait(1.5) == ["1000 SA 0 ack 1"]
    assert it.it.state is State.SYN_RECEIVED


def test_a_syn_that_nobody_answers_is_repeated_six_times_over_two_minutes() -> None:
    it = Played(active=True, opened=False)
    said = it.wait(200)
    assert [int(text.split()[0]) for text in said] == [1000, 3000, 7000, 15000, 31000, 63000]
    assert it.it.failure is Failure.TIMED_OUT


def test_an_acknowledgement_of_nothing_we_sent_is_reset_in_syn_received() -> None:
    it = Played(opened=False)
    assert it.hear("A", ack=500) == ["R 500"]
    assert it.hear("A", ack=0) == ["R 0"]
    assert it.it.state is State.SYN_RECEIVED


def test_a_lost_syn_leaves_the_timeout_at_three_seconds_while_nothing_is_measured() -> None:
    """RFC 6298, 5.7."""
    it = Played(opened=False)
    it.wait(1.2)
    it.hear("A")
    it.write(b"hello")
    assert it.it.sender.round_trip.timeout == 3.0
    assert it.wait(3.1) == ["3000 PA 1:6 ack 1"]


@pytest.mark.parametrize(("lost", "segments"), [(0, 10), (1, 10), (2, 1)])
def test_the_first_window_after_lost_handshakes(lost: int, segments: int) -> None:
    """RFC 6928 (2) with Linux's reading: one lost SYN may be chance; two are congestion."""
    it = Played(opened=False)
    while len(it.sent) < 1 + lost:
        it.wait(0.5)
    it.hear("A")
    it.write(bytes(100_000))
    assert sum(1 for segment in it.sent if segment.payload) == segments
    assert it.it.sender.recovery.congestion.threshold > 1_000_000  # type: ignore[attr-defined]


# What both sides agree on


@pytest.mark.parametrize(("said", "payload"), [(None, 536), (536, 536), (9000, 1460), (1000, 1000), (0, 88), (1, 88)])
def test_the_segment_size(said: int | None, payload: int) -> None:
    it = Played(options=Options(mss=said))
    it.write(bytes(10_000))
    assert {len(segment.payload) for segment in it.sent[1:-1]} <= {payload}
    assert len(it.sent[1].payload) == payload


def test_timestamps_take_their_room_from_the_payload() -> None:
    stamped = Options(mss=1460, timestamps=(1, 0))
    it = Played(settings=replace(PLAIN, timestamps=True), options=stamped, opened=False)
    it.hear("A", options=Options(timestamps=(2, it.sent[0].options.timestamps[0])))
    it.write(bytes(5000))
    assert len(it.sent[1].payload) == 1448
    assert it.sent[1].options.timestamps[1] == 2


@pytest.mark.parametrize("option", ["timestamps", "sack", "window_scale"])
@pytest.mark.parametrize(("ours", "theirs"), [(True, False), (False, True)])
def test_an_option_is_in_force_only_if_both_know_it(option: str, ours: bool, theirs: bool) -> None:
    knows, ignorant = Settings(), replace(Settings(), **{option: False})
    dialogue = Dialogue(a_settings=knows if ours else ignorant, b_settings=knows if theirs else ignorant)
    dialogue.say("a", noise(100_000))
    dialogue.run(until=10)
    assert bytes(dialogue.received["b"]) == noise(100_000)
    assert dialogue.b is not None
    for end in (dialogue.a, dialogue.b):
        agreed = {"timestamps": end.terms.timestamps, "sack": end.terms.sack, "window_scale": end.terms.our_scale > 0}
        assert agreed == {name: name != option for name in agreed}


def test_the_window_of_a_syn_is_never_scaled() -> None:
    it = Played(
        settings=replace(PLAIN, window_scale=True),
        options=Options(mss=1460, window_scale=7),
        window=1000,
    )
    assert it.sent[0].window == 65535
    assert it.sent[0].options.window_scale == 2
    assert it.it.sender.window == 1000 << 7
    assert it.hear("A", b"x" * 1460, window=500) == []
    assert it.it.sender.window == 500 << 7


@pytest.mark.parametrize(("capacity", "scale"), [(1, 0), (65535, 0), (65536, 0), (65537, 1), (2**30, 14), (2**40, 14)])
def test_the_scale_for_a_buffer(capacity: int, scale: int) -> None:
    assert scale_for(capacity) == scale


def test_an_answer_offers_nothing_that_was_not_asked_for() -> None:
    it = Played(settings=Settings(), options=Options(mss=1460), opened=False)
    assert it.sent[0].options == Options(mss=1460)
    it = Played(settings=Settings(), options=NO_OPTIONS, opened=False)
    assert it.sent[0].options == Options(mss=1460)


def test_numbers_wrap_in_every_phase() -> None:
    """Both ends begin just below 2³², so that SYN, data, selective acknowledgements and FIN all cross the border."""
    for below in (0, 1, 2, 3, 1000, 60_000):
        script = ["drop a-b:data:3", "drop b-a:data:5-6", "hold a-b:data:9:30ms"]
        dialogue = Dialogue(isn=((-below - 1) % 2**32, (-below) % 2**32), script=script)
        for name in "ab":
            dialogue.say(name, noise(80_000))
            dialogue.close(name)
        dialogue.run()
        assert dialogue.b is not None
        assert bytes(dialogue.received["a"]) == bytes(dialogue.received["b"]) == noise(80_000)
        assert (dialogue.a.state, dialogue.b.state) == (State.CLOSED, State.CLOSED)
