"""Multiplexing: what is said in one conversation is heard in that one, exactly as long as it was said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.multiplex import (
    ANSWER,
    ASK,
    LONGEST,
    NUMBERS,
    BusyError,
    Conversation,
    MalformedError,
    Multiplexer,
    build,
    parse,
)

A, B, C = (bytes((2, 0, 0, 0, host, 0)) for host in (1, 2, 3))
data = st.binary(max_size=60)


@given(st.sampled_from([ASK, ANSWER]), st.integers(1, NUMBERS), data, data)
def test_what_is_built_parses_whatever_padding_follows(kind: int, number: int, said: bytes, padding: bytes) -> None:
    assert parse(build(kind, number, said) + padding) == (kind, number, said)


@given(st.binary(max_size=40))
def test_the_parser_raises_exactly_one_error(message: bytes) -> None:
    try:
        kind, number, said = parse(message)
    except MalformedError:
        return
    assert message.startswith(build(kind, number, said))


def test_more_than_a_frame_holds_is_the_callers_mistake() -> None:
    assert len(build(ASK, 1, bytes(LONGEST))) == 1500
    with pytest.raises(ValueError, match="at most 1496"):
        build(ASK, 1, bytes(LONGEST + 1))


@given(data, data, st.binary(max_size=46))
def test_question_and_answer(question: bytes, answer: bytes, padding: bytes) -> None:
    teams, players = Multiplexer(), Multiplexer()
    mine = teams.open(B)
    heard = players.receive(A, teams.send(mine, question) + padding)
    assert heard == (Conversation(A, mine.number, opened_here=False), question)
    theirs, _ = heard
    assert teams.receive(B, players.send(theirs, answer) + padding) == (mine, answer)


def test_both_sides_may_use_the_same_number() -> None:
    a, b = Multiplexer(), Multiplexer()
    of_a, of_b = a.open(B), b.open(A)
    assert of_a.number == of_b.number == 1
    assert b.receive(A, a.send(of_a, b"from a")) == (Conversation(A, 1, opened_here=False), b"from a")
    assert a.receive(B, b.send(of_b, b"from b")) == (Conversation(B, 1, opened_here=False), b"from b")


def test_an_answer_is_for_a_conversation_that_is_open_with_that_station() -> None:
    teams = Multiplexer()
    mine = teams.open(B)
    assert teams.receive(C, build(ANSWER, mine.number, b"from another")) is None
    assert teams.receive(B, build(ANSWER, mine.number + 1, b"to another")) is None
    teams.close(mine)
    assert teams.receive(B, build(ANSWER, mine.number, b"too late")) is None


@given(st.lists(st.one_of(st.none(), st.integers(0, 1000)), max_size=600))
def test_numbers_go_round_and_pass_over_those_that_are_open(steps: list[int | None]) -> None:
    """Against the plain definition. None opens a conversation, a number closes one of those that are open."""
    teams, last = Multiplexer(), 0
    still_open: dict[int, Conversation] = {}
    for step in steps:
        if step is not None and still_open:
            teams.close(still_open.pop(sorted(still_open)[step % len(still_open)]))
        elif len(still_open) < NUMBERS:
            conversation = teams.open(B)
            assert conversation.number not in still_open
            passed_over = [(last + n) % NUMBERS + 1 for n in range((conversation.number - last - 1) % NUMBERS)]
            assert set(passed_over) <= set(still_open)
            last = conversation.number
            still_open[last] = conversation


def test_all_numbers_are_taken_in_the_end() -> None:
    teams = Multiplexer()
    opened = [teams.open(B) for _ in range(NUMBERS)]
    assert [conversation.number for conversation in opened] == list(range(1, NUMBERS + 1))
    with pytest.raises(BusyError):
        teams.open(B)
    teams.close(opened[6])
    assert teams.open(C) == Conversation(C, 7, opened_here=True)


@given(st.binary(max_size=40))
def test_whatever_comes_is_survived(message: bytes) -> None:
    teams = Multiplexer()
    mine = teams.open(B)
    heard = teams.receive(B, message)
    assert heard is None or heard[0] == mine or not heard[0].opened_here
