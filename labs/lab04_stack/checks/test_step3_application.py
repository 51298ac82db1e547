"""Step 3: the application over TCP, with nothing of lab 3 in it."""

import random
from collections.abc import Iterable

import pytest

from labs.conformance import Asked, asking, conforms, drawn, expect_answers
from labs.lab00_machine.starter.business import players_of, team_asked_about
from labs.lab04_stack.evidence import connections
from labs.lab04_stack.peers import encoded, heard, typing
from labs.lab04_stack.scenes import APPLICATION, PORT, program
from labs.testbed.judge import Judge
from labs.testbed.scene import Offering, Port, Scene
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("3")


@pytest.mark.seeds(2)
def test_teams_against_a_halting_players(judge: Judge) -> None:
    """The judge's *players* answers in bits and pieces: *teams* hears each answer to its end, and nothing twice."""
    asked = drawn(judge.random, 7)
    scene = Scene(
        name="halting",
        topology=APPLICATION.topology,
        programs=(typing("b", port=PORT), program("a", "teams.py")),
        ports=(
            Port(host="a"),
            Port(host="b", name="line", program="line", offers=_in_pieces(map(_names, asked), judge.random, SECOND)),
        ),
        classify=APPLICATION.classify,
    )
    scene = asking(scene, asked, every=100 * MILLISECOND)
    trace = judge.play(scene)
    _expect_heard(judge, heard(trace, "b"), [_team(one).encode() for one in asked], "question")
    expect_answers(judge, trace, scene, asked)


@pytest.mark.seeds(2)
def test_players_against_a_hasty_teams(judge: Judge) -> None:
    """The judge's *teams* asks several things at once, and one in bits and pieces; meanwhile another dawdles."""
    asked = drawn(judge.random, 9)
    teams = [_team(one).encode() for one in asked]
    dawdled = b"Otters"
    offers = [Offering(b"".join(map(encoded, teams[:4])), SECOND), *_in_pieces(teams[4:], judge.random, 2 * SECOND)]
    scene = Scene(
        name="hasty",
        topology=APPLICATION.topology,
        programs=(
            program("b", "players.py"),
            typing("a", name="slow", port=PORT, connect="b"),
            typing("a", name="line", port=PORT, connect="b"),
        ),
        ports=(
            Port(
                host="a",
                name="slow",
                program="slow",
                offers=(Offering(encoded(dawdled)[:5]), Offering(encoded(dawdled)[5:], 8 * SECOND)),
            ),
            Port(host="a", name="line", program="line", offers=(*offers, Offering(b"", 7 * SECOND))),
        ),
        classify=APPLICATION.classify,
    )
    trace = judge.play(scene)
    soon = [event.payload for event in trace.at_port("delivered", "a", "line") if event.at < 2 * SECOND]
    judge.expect(
        "answer:late",
        bool(soon),
        "who asks something at 1 s has an answer before 2 s, though there may be more to be asked",
        found="there was none",
    )
    _expect_heard(judge, heard(trace, "a"), [_names(one) for one in asked], "answer")
    _expect_heard(judge, heard(trace, "a", "slow"), [_of(dawdled)], "other answer")


@pytest.mark.seeds(1)
def test_the_application_over_tcp(judge: Judge) -> None:
    """People ask *teams*, *teams* asks *players*: the same answers as in every lab, over TCP."""
    trace = conforms(judge, APPLICATION, count=4, every=SECOND // 4)
    count = connections(trace, "a-b")
    judge.expect(
        "application:connection", count == 1, "one connection serves for all questions", found=f"{count} were opened"
    )


def _team(one: Asked) -> str:
    return team_asked_about(one.question)


def _names(one: Asked) -> bytes:
    return _of(_team(one).encode())


def _of(team: bytes) -> bytes:
    return "\n".join(players_of(team.decode())).encode()


def _in_pieces(payloads: Iterable[bytes], source: random.Random, start: int) -> tuple[Offering, ...]:
    """The stream of these messages, cut anywhere, one piece each quarter of a second."""
    stream = b"".join(map(encoded, payloads))
    cuts = sorted(source.sample(range(1, len(stream)), 9))
    pieces = [stream[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    return tuple(Offering(piece, start + n * SECOND // 4) for n, piece in enumerate(pieces))


def _expect_heard(judge: Judge, stream: bytes, payloads: list[bytes], what: str) -> None:
    """Expect that a stream holds these messages."""
    wanted = b"".join(map(encoded, payloads))
    judge.expect(
        f"{what}:nobody",
        stream == wanted or stream != b"".join(encoded(each) for each in payloads if each),
        f"any {what} may be an empty message",
        found="all but the empty ones were sent",
    )
    differs = (n for n, (one, other) in enumerate(zip(stream, wanted, strict=False)) if one != other)
    place = next(differs, min(len(stream), len(wanted)))
    judge.expect(
        f"{what}:bytes",
        wanted.startswith(stream),
        f"each {what} travels as a message, as the handout says",
        found=f"from byte {place} on it does not: {stream[place:][:12].hex(' ')}",
    )
    judge.expect(
        f"{what}:all",
        len(stream) == len(wanted),
        f"each {what} is sent: {len(wanted)} bytes in all",
        found=f"{len(stream)} bytes were",
    )
