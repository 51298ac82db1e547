"""Neighbours: asked for by name, believed for a while, looked for three times and no more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.neighbours import (
    I_AM,
    LIFETIME,
    NAME_LENGTH,
    QUERIES,
    QUERY_EVERY,
    WHO_HAS,
    MalformedError,
    Neighbours,
    build,
    parse,
)

A, B = bytes((2, 0, 0, 0, 1, 0)), bytes((2, 0, 0, 0, 2, 0))
names = st.text(min_size=1, max_size=8).filter(lambda name: "\0" not in name and len(name.encode()) <= NAME_LENGTH)


@given(st.sampled_from([WHO_HAS, I_AM]), names, st.binary(max_size=40))
def test_what_is_built_parses_whatever_padding_follows(kind: int, name: str, padding: bytes) -> None:
    assert parse(build(kind, name) + padding) == (kind, name)


@given(st.binary(max_size=40))
def test_the_parser_raises_exactly_one_error(message: bytes) -> None:
    try:
        kind, name = parse(message)
    except MalformedError:
        return
    assert build(kind, name) == message[: 1 + NAME_LENGTH]


@pytest.mark.parametrize("name", ["", "x" * 17, "雪豹雪豹雪豹", "a\0b"])
def test_a_name_that_does_not_fit_is_the_callers_mistake(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 16 bytes"):
        build(WHO_HAS, name)


def test_a_search_and_its_answer() -> None:
    teams, players = Neighbours("teams"), Neighbours("players")
    teams.search("players", now=1.0)
    assert teams.next_timer() == 1.0
    (question,) = teams.handle_timer(now=1.0)
    answer = players.receive(A, question, now=1.1)
    assert answer == build(I_AM, "players")
    assert teams.receive(B, answer, now=1.2) is None
    assert not teams.searching("players")
    assert teams.next_timer() is None
    assert teams.address_of("players", now=1.2) == B


def test_an_address_is_fresh_for_its_lifetime_and_using_it_changes_nothing() -> None:
    teams = Neighbours("teams")
    teams.receive(B, build(I_AM, "players"), now=10.0)
    assert teams.address_of("players", now=10.0 + LIFETIME - 0.001) == B
    assert teams.address_of("players", now=10.0 + LIFETIME) is None


def test_who_moved_is_found_at_the_new_place() -> None:
    teams = Neighbours("teams")
    teams.receive(B, build(I_AM, "players"), now=0.0)
    teams.receive(A, build(I_AM, "players"), now=1.0)
    assert teams.address_of("players", now=2.0) == A


def test_where_nobody_answers_the_search_ends_by_itself() -> None:
    teams = Neighbours("teams")
    teams.search("ghost", now=0.0)
    asked_at = []
    while (due := teams.next_timer()) is not None:
        assert teams.searching("ghost")
        asked_at += [due for _ in teams.handle_timer(now=due)]
    assert asked_at == [turn * QUERY_EVERY for turn in range(QUERIES)]
    assert not teams.searching("ghost")
    teams.search("ghost", now=9.0)
    assert teams.next_timer() == 9.0


def test_a_second_search_for_the_same_name_is_the_first() -> None:
    teams = Neighbours("teams")
    teams.search("players", now=0.0)
    teams.handle_timer(now=0.0)
    teams.search("players", now=0.3)
    assert teams.handle_timer(now=0.3) == []
    assert teams.next_timer() == QUERY_EVERY


def test_it_answers_for_its_own_name_and_no_other() -> None:
    players = Neighbours("players")
    for other in ("player", "playersplayers", "Players", "teams"):
        assert players.receive(A, build(WHO_HAS, other), now=0.0) is None


@given(st.binary(max_size=40))
def test_whatever_comes_is_survived(message: bytes) -> None:
    players = Neighbours("players")
    assert players.receive(A, message, now=0.0) in (None, build(I_AM, "players"))
