"""The law of the states, and every way through it."""

from typing import Any

import pytest

from netstack.tcp import Connection, Failure, State
from netstack.tcp.states import MAY_RECEIVE, MAY_SEND, TRANSITIONS, Event
from tests.netstack.tcp.network import Dialogue
from tests.netstack.tcp.played import Played


def shut_down(connection: Connection) -> None:
    connection.shut_down(now=100.0)


def close(connection: Connection) -> None:
    connection.close(now=100.0)


def test_every_state_can_be_reached_and_left() -> None:
    reached = {State.CLOSED}
    while more := {after for (before, _), after in TRANSITIONS.items() if before in reached} - reached:
        reached |= more
    assert reached == set(State)
    assert {before for before, _ in TRANSITIONS} == set(State)


def test_the_rfc_s_figure_has_these_moves_and_no_other() -> None:
    # RFC 9293, figure 5; the two ways from SYN-SENT to SYN-RECEIVED and from FIN-WAIT-1 to TIME-WAIT go by two events
    figure = """
        CLOSED LISTEN, CLOSED SYN-SENT, LISTEN SYN-RECEIVED, LISTEN CLOSED, SYN-SENT SYN-RECEIVED,
        SYN-SENT ESTABLISHED, SYN-SENT CLOSED, SYN-RECEIVED ESTABLISHED, SYN-RECEIVED FIN-WAIT-1,
        ESTABLISHED FIN-WAIT-1, ESTABLISHED CLOSE-WAIT, FIN-WAIT-1 FIN-WAIT-2, FIN-WAIT-1 CLOSING,
        FIN-WAIT-2 TIME-WAIT, CLOSING TIME-WAIT, CLOSE-WAIT LAST-ACK, LAST-ACK CLOSED, TIME-WAIT CLOSED"""
    moves = {f"{before} {after}" for (before, _), after in TRANSITIONS.items()}
    assert moves == {" ".join(move.split()) for move in figure.split(",")}


def test_the_user_may_send_as_long_as_it_has_not_closed_and_receive_until_the_fin() -> None:
    for state in MAY_SEND:
        assert (state, Event.CLOSE) in TRANSITIONS
    for state in MAY_RECEIVE:
        assert (state, Event.FIN) in TRANSITIONS


def test_we_close_first() -> None:
    it = Played()
    assert it.user(shut_down) == ["FA 1 ack 1"]
    assert it.it.state is State.FIN_WAIT_1
    assert it.hear("A", ack=2) == []
    assert it.it.state is State.FIN_WAIT_2
    assert it.hear("FA") == ["A 2 ack 2"]
    assert it.it.state is State.TIME_WAIT
    assert it.wait(59.9) == []
    assert it.it.state is State.TIME_WAIT
    it.wait(0.2)
    assert (it.it.state, it.it.failure) == (State.CLOSED, None)


def test_they_close_first() -> None:
    it = Played()
    assert it.hear("FA") == ["A 1 ack 2"]
    assert it.it.state is State.CLOSE_WAIT
    assert it.it.at_end
    assert it.write(b"one more word") == ["PA 1:14 ack 2"]
    assert it.user(shut_down) == ["FA 14 ack 2"]
    assert it.it.state is State.LAST_ACK
    it.hear("A", ack=15)
    assert (it.it.state, it.it.failure) == (State.CLOSED, None)


def test_both_close_at_the_same_time() -> None:
    it = Played()
    it.user(shut_down)
    assert it.hear("FA", ack=1) == ["A 2 ack 2"]
    assert it.it.state is State.CLOSING
    it.hear("A", ack=2)
    assert it.it.state is State.TIME_WAIT


def test_the_answer_to_our_fin_carries_theirs() -> None:
    it = Played()
    it.user(shut_down)
    assert it.hear("FA", ack=2) == ["A 2 ack 2"]
    assert it.it.state is State.TIME_WAIT


def test_the_last_bytes_and_the_fin_in_one_segment() -> None:
    it = Played()
    assert it.hear("FPA", b"bye") == ["A 1 ack 5"]
    assert (it.it.state, it.it.at_end) == (State.CLOSE_WAIT, False)
    assert it.it.read(10, now=it.now) == b"bye"
    assert it.it.at_end


def test_a_fin_before_all_data_waits_for_it() -> None:
    it = Played()
    assert it.hear("FA", b"world", seq=6) == ["A 1 ack 1"]
    assert it.it.state is State.ESTABLISHED
    assert it.hear("A", b"hello", seq=1) == ["A 1 ack 12"]
    assert it.it.state is State.CLOSE_WAIT
    assert it.it.read(100, now=it.now) == b"helloworld"


def test_a_fin_with_data_acknowledges_our_syn() -> None:
    it = Played(opened=False)
    assert it.began == ["SA 0 ack 1"]
    assert it.hear("FPA", b"in a hurry") == ["A 1 ack 12"]
    assert it.it.state is State.CLOSE_WAIT


def test_closing_before_the_handshake_is_over() -> None:
    """The FIN waits until our SYN is acknowledged; nothing that comes before is believed (RFC 9293, 3.10.4)."""
    it = Played(opened=False)
    assert it.user(shut_down) == []
    assert it.it.state is State.FIN_WAIT_1
    assert it.hear("A", b"forged", seq=1, ack=0) == ["R 0"]
    assert it.hear("A", ack=1) == ["FA 1 ack 1"]
    it.hear("A", ack=2)
    assert it.it.state is State.FIN_WAIT_2


def test_closing_while_connecting_says_nothing() -> None:
    for act in (shut_down, close):
        it = Played(active=True, opened=False)
        assert it.user(act) == []
        assert it.it.state is State.CLOSED


def test_all_that_is_written_goes_before_the_fin() -> None:
    it = Played(window=1460)
    assert it.write(b"x" * 2000) == ["A 1:1461 ack 1"]
    assert it.user(shut_down) == []
    assert it.it.state is State.FIN_WAIT_1
    assert it.it.write(b"too late") == 0
    assert it.hear("A", ack=1461) == ["FPA 1461:2001 ack 1"]


def test_data_after_our_fin_is_received_still() -> None:
    it = Played()
    it.user(shut_down)
    assert it.hear("PA", b"wait", ack=2) == []
    assert it.wait(0.05) == ["40 A 2 ack 5"]
    assert it.it.read(10, now=it.now) == b"wait"


def test_time_wait_starts_anew_with_a_repeated_fin_but_not_with_anything_else() -> None:
    it = Played()
    it.user(shut_down)
    it.hear("FA", ack=2)
    it.wait(50)
    assert it.hear("FA", seq=1) == ["A 2 ack 2"]
    it.wait(50)
    assert it.hear("A", b"old data", seq=-20) == ["A 2 ack 2"]
    it.wait(9)
    assert it.it.state is State.TIME_WAIT
    it.wait(2)
    assert it.it.state is State.CLOSED


def test_time_wait_yields_to_a_syn_that_cannot_be_an_old_one() -> None:
    it = Played()
    it.user(shut_down)
    it.hear("FA", ack=2)
    assert it.it.yields_to(it.segment("S", seq=10_000))
    assert not it.it.yields_to(it.segment("S", seq=-10_000))
    assert not Played().it.yields_to(it.segment("S", seq=10_000))


def test_a_reset_for_each_state() -> None:
    it = Played()
    it.hear("R")
    assert (it.it.state, it.it.failure, it.it.at_end) == (State.CLOSED, Failure.RESET, True)
    assert (it.it.write(b"to nobody"), it.it.writable) == (0, 0)
    it = Played(opened=False)
    it.hear("R")
    assert it.it.failure is Failure.REFUSED
    it = Played(active=True, opened=False)
    it.hear("RA")
    assert it.it.failure is Failure.REFUSED
    it = Played()
    it.user(shut_down)
    it.hear("FA", ack=2)
    it.hear("R")
    assert (it.it.state, it.it.failure) == (State.CLOSED, None)


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        ([], ["RA 1 ack 1"]),
        (["FA"], ["RA 1 ack 2"]),
        ([shut_down], ["RA 2 ack 1"]),
        ([shut_down, "A"], ["RA 2 ack 1"]),
        # RFC 9293, 3.10.5: in these nothing but the connection's record is left to be thrown away
        ([shut_down, "FA1"], []),
        (["FA", shut_down], []),
        ([shut_down, "FA"], []),
    ],
)
def test_giving_up(prepare: list[Any], says: list[str]) -> None:
    it = Played()
    for step in prepare:
        if not isinstance(step, str):
            it.user(step)
        elif step == "FA1":
            it.hear("FA", ack=1)
        else:
            it.hear(step, ack=it.it.sender.next - it.isn)
    assert it.user(lambda connection: connection.abort(now=it.now)) == says
    assert it.it.failure is Failure.ABORTED
    assert it.it.next_timer() is None


def test_closing_with_something_unread_resets() -> None:
    it = Played()
    it.hear("PA", b"nobody reads this")
    assert it.user(close) == ["RA 1 ack 18"]
    assert it.it.state is State.CLOSED


def test_data_for_a_connection_that_was_closed_resets_it() -> None:
    it = Played()
    assert it.user(close) == ["FA 1 ack 1"]
    it.hear("A", ack=2)
    assert it.hear("PA", b"hello?")[0].startswith("R 2")
    assert it.it.state is State.CLOSED


def test_nobody_waits_for_ever_for_the_fin_of_a_connection_that_was_closed() -> None:
    it = Played()
    it.user(close)
    it.hear("A", ack=2)
    it.wait(59)
    assert it.it.state is State.FIN_WAIT_2
    it.wait(2)
    assert it.it.state is State.CLOSED
    half = Played()
    half.user(shut_down)
    half.hear("A", ack=2)
    half.wait(100_000)
    assert half.it.state is State.FIN_WAIT_2  # RFC 1122 (4.2.2.13): half closed may be for ever


def test_closing_in_time_wait_goes_on_waiting() -> None:
    it = Played()
    it.hear("PA", b"unread")
    it.user(shut_down)
    it.hear("FA", ack=2)
    assert it.user(close) == []
    assert (it.it.state, it.it.failure) == (State.TIME_WAIT, None)


def test_a_conversation_ends_in_closed_at_both_ends() -> None:
    dialogue = Dialogue()
    dialogue.say("a", b"question")
    dialogue.close("a")
    dialogue.run(until=0.5)
    dialogue.say("b", b"answer")
    dialogue.close("b")
    dialogue.run()
    assert dialogue.b is not None
    assert (dialogue.a.state, dialogue.b.state) == (State.CLOSED, State.CLOSED)
    assert bytes(dialogue.received["a"]) == b"answer"
    assert bytes(dialogue.received["b"]) == b"question"
