"""What may go: the other side's window, small segments, probes, and the user's patience."""

from dataclasses import replace

import pytest

from netstack.tcp import Connection, Failure, State
from tests.netstack.tcp.network import Dialogue, noise
from tests.netstack.tcp.played import PLAIN, Played

EAGER = replace(PLAIN, nagle=False)


# The window


def test_never_beyond_the_window() -> None:
    it = Played(window=3000)
    assert it.write(bytes(10_000)) == ["A 1:1461 ack 1", "A 1461:2921 ack 1"]
    assert it.hear("A", ack=1461) == ["A 2921:4381 ack 1"]


def test_a_shrunk_window_stops_what_is_new_and_not_what_must_go_again() -> None:
    """RFC 9293, 3.8.6: nobody should do that, but everybody must bear it."""
    it = Played(window=5000)
    assert len(it.write(bytes(20_000))) == 3
    assert it.hear("A", ack=1461, window=500) == []
    assert it.wait(0.21) == ["200 A 1461:2921 ack 1"]
    assert it.hear("A", ack=4381, window=5000)[0] == "A 4381:5841 ack 1"


def test_an_old_segment_says_nothing_about_the_window() -> None:
    it = Played(window=4000)
    it.write(bytes(20_000))
    it.hear("A", b"new", ack=1461, window=4000)
    told = len(it.sent)
    it.hear("A", seq=1, ack=1, window=60_000)
    assert it.it.sender.window == 4000
    assert not [segment for segment in it.sent[told:] if segment.payload]


def test_an_old_acknowledgement_in_a_new_segment_does_not_move_the_edge() -> None:
    """Its window counts from the number that it acknowledges, not from where we are."""
    it = Played(window=3000)
    it.write(bytes(20_000))
    it.hear("A", ack=2921, window=1000)
    it.hear("A", b"reordered", seq=10, ack=1, window=3000)
    assert it.it.sender.window == 1000


def test_a_new_acknowledgement_in_an_old_segment_does_not_leave_the_old_window() -> None:
    """RFC 9293's rule for the window keeps 3,000 here, from a number that has moved on: 1,460 too many."""
    it = Played(window=3000)
    it.write(bytes(20_000))
    it.hear("A", b"second", seq=6, window=3000)
    sent = len(it.sent)
    it.hear("A", b"first", seq=1, ack=1461, window=1540)
    assert not [segment for segment in it.sent[sent:] if segment.payload]


# Small segments


def test_nagle_one_small_segment_at_a_time() -> None:
    """RFC 9293, 3.7.4, in Minshall's form."""
    it = Played()
    assert it.write(b"a") == ["PA 1:2 ack 1"]
    assert it.write(b"b") == []
    assert it.write(b"c") == []
    assert it.hear("A", ack=2) == ["PA 2:4 ack 1"]


def test_a_full_segment_under_way_does_not_hold_a_small_one_back() -> None:
    it = Played()
    assert it.write(bytes(1461)) == ["A 1:1461 ack 1", "PA 1461:1462 ack 1"]
    assert it.write(b"x") == []
    assert it.write(bytes(2000)) == ["A 1462:2922 ack 1"]


def test_without_nagle_everything_goes_at_once() -> None:
    it = Played(settings=EAGER)
    assert [it.write(b"x") for _ in range(3)] == [["PA 1:2 ack 1"], ["PA 2:3 ack 1"], ["PA 3:4 ack 1"]]


def test_a_fin_takes_the_small_rest_along() -> None:
    it = Played()
    it.write(b"a")
    assert it.write(b"b") == []
    assert it.user(lambda connection: connection.shut_down(now=it.now)) == ["FPA 2:3 ack 1"]


def test_silly_windows_are_not_filled() -> None:
    """RFC 9293, 3.8.6.2.1: a piece of the window goes when it is half of the largest, or nothing moves for too long."""
    it = Played(window=2000)
    it.write(bytes(20_000))
    assert it.hear("A", ack=1461, window=300) == []
    assert it.hear("A", window=999) == []
    assert it.hear("A", window=1000) == ["A 1461:2461 ack 1"]
    it.hear("A", ack=2461, window=300)
    assert it.wait(0.25) == ["200 A 2461:2761 ack 1"]


# Zero windows


def closed_window() -> Played:
    it = Played(window=1460)
    it.write(bytes(5000))
    it.hear("A", ack=1461, window=0)
    return it


def test_a_closed_window_is_probed_with_an_old_number_ever_more_rarely() -> None:
    it = closed_window()
    told = it.wait(2)
    assert [int(text.split()[0]) for text in told] == [200, 600, 1400]
    assert {text.split(maxsplit=1)[1] for text in told} == {"A 1460 ack 1"}


def test_a_lost_window_update_is_made_up_for_by_a_probe() -> None:
    it = closed_window()
    it.wait(0.3)
    assert it.hear("A", window=1460) == ["A 1461:2921 ack 1"]
    assert it.hear("A", ack=2921, window=0) == []
    assert it.wait(0.3) == ["200 A 2920 ack 1"]  # the pause begins anew


def test_a_window_may_stay_closed_for_days_while_probes_are_answered() -> None:
    it = closed_window()
    probes = 0
    for _ in range(2000):
        probes += len(it.wait(120))
        it.hear("A", window=0)
    assert it.it.state is State.ESTABLISHED
    assert 1990 < probes < 2020


def test_a_window_that_closes_over_data_under_way_does_not_end_the_connection_either() -> None:
    it = Played(window=5000)
    it.write(bytes(5000))
    it.hear("A", ack=1, window=0)
    for _ in range(30):
        it.wait(60)
        it.hear("A", ack=1, window=0)
    assert it.it.state is State.ESTABLISHED


def test_a_side_that_falls_silent_with_its_window_closed_is_given_up() -> None:
    it = Played(window=1460)
    it.write(bytes(1460))
    it.hear("A", ack=1461, window=0)
    it.write(b"more")
    it.wait(1000)
    assert it.it.failure is Failure.TIMED_OUT


def test_a_fin_waits_for_the_window_too() -> None:
    it = Played(window=1460)
    it.write(bytes(1460))
    it.user(lambda connection: connection.shut_down(now=it.now))
    it.hear("A", ack=1461, window=0)
    assert it.wait(0.3) == ["200 A 1460 ack 1"]
    assert it.hear("A", window=1) == ["FA 1461 ack 1"]


@pytest.mark.parametrize("lost", ["drop b-a:ack:1-8", "drop b-a:ack:3-9", "drop a-b:ack:1-4"])
def test_a_slow_reader_gets_everything_whatever_acknowledgement_is_lost(lost: str) -> None:
    small = replace(PLAIN, receive_buffer=4000)
    dialogue = Dialogue(a_settings=PLAIN, b_settings=small, script=[lost], reads=False)
    dialogue.say("a", noise(30_000))
    dialogue.close("a")
    for second in range(1, 200):
        dialogue.run(until=second)
        if dialogue.b is not None:
            dialogue.received["b"] += dialogue.b.read(500, now=dialogue.now)
            dialogue._flush("b")
    assert bytes(dialogue.received["b"]) == noise(30_000)


# The user


def test_the_buffer_is_full_at_some_time() -> None:
    it = Played(settings=replace(PLAIN, send_buffer=5000), window=2000)
    assert it.it.write(bytes(9000)) == 5000
    assert it.it.writable == 0
    it.said()
    assert it.it.writable == 0
    it.hear("A", ack=1461)
    assert it.it.writable == 1460


def test_patience_ends() -> None:
    """RFC 9293, 3.8.3: R2. The pauses are 0.2, 0.4, … seconds."""
    it = Played(settings=replace(PLAIN, user_timeout=10.0))
    it.write(b"is anybody there?")
    told = it.wait(20)
    assert [int(text.split()[0]) for text in told] == [200, 600, 1400, 3000, 6200]
    assert (it.it.state, it.it.failure) == (State.CLOSED, Failure.TIMED_OUT)


def test_any_progress_renews_patience() -> None:
    it = Played(settings=replace(PLAIN, user_timeout=10.0))
    it.write(bytes(1460 * 5))
    for count in range(1, 5):
        it.wait(9)
        it.hear("A", ack=1 + 1460 * count)
    assert it.it.state is State.ESTABLISHED
    it.wait(10)
    assert it.it.failure is Failure.TIMED_OUT


def test_an_idle_connection_waits_for_ever() -> None:
    it = Played(settings=replace(PLAIN, user_timeout=10.0))
    it.write(b"hello")
    it.hear("A", ack=6)
    assert it.it.next_timer() is None


# Keepalive


ASKING = replace(PLAIN, keepalive=60.0, keepalive_interval=10.0, keepalive_probes=3)


def test_keepalive_asks_after_a_long_silence_and_gives_up() -> None:
    """RFC 9293, 3.8.4."""
    it = Played(settings=ASKING)
    assert it.wait(200) == ["60000 A 0 ack 1", "70000 A 0 ack 1", "80000 A 0 ack 1"]
    assert it.it.failure is Failure.TIMED_OUT


def test_any_answer_ends_the_asking() -> None:
    it = Played(settings=ASKING)
    for _ in range(10):
        assert it.wait(75) == ["60000 A 0 ack 1", "70000 A 0 ack 1"]
        it.hear("A")
    assert it.it.state is State.ESTABLISHED


def test_what_does_not_fit_is_no_sign_of_life() -> None:
    it = Played(settings=ASKING)
    for _ in range(8):
        it.wait(10)
        it.hear("A", seq=-50_000)
        it.hear("R", seq=500)
    it.wait(15)
    assert it.it.failure is Failure.TIMED_OUT


def test_half_closed_connections_ask_too_and_busy_ones_do_not() -> None:
    def shut_down(connection: Connection) -> None:
        connection.shut_down(now=100.0)

    half = Played(settings=ASKING)
    half.user(shut_down)
    half.hear("A", ack=2)
    assert half.wait(65) == ["60000 A 1 ack 1"]
    busy = Played(settings=ASKING)
    busy.write(b"hello")
    assert not [text for text in busy.wait(70) if text.endswith("A 5 ack 1")]


def test_keepalive_is_off_unless_asked_for_and_is_answered_always() -> None:
    it = Played()
    assert it.wait(1_000_000) == []
    assert it.hear("A", seq=0) == ["A 1 ack 1"]
