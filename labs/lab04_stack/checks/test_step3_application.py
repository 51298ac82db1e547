"""Step 3: the application over TCP, with nothing of lab 3 in it."""

import random
from collections.abc import Iterable

import pytest

from labs.conformance import Asked, about, asking, conforms, drawn, expect_answers
from labs.lab00_machine.starter.business import answer, players_of, team_asked_about
from labs.lab04_stack.evidence import connections
from labs.lab04_stack.peers import encoded, heard, typing
from labs.lab04_stack.scenes import APPLICATION, program
from labs.testbed.judge import Judge
from labs.testbed.scene import Offering, Port, Scene
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("3")

PORT = 8081
"""Not the usual one: the port is an argument."""

RUDE = (encoded(b"\xff\xfe Otters"), encoded(b"Herons")[:7], b"\xff\xff\xff\xff")
"""What three callers say, who then hang up: a team in no UTF-8, half a question, and what is no message at all."""


@pytest.mark.seeds(2)
def test_teams_against_a_halting_players(judge: Judge) -> None:
    """The judge's *players* answers in bits and pieces: *teams* hears each answer to its end, and nothing twice."""
    asked = drawn(judge.random, 7)
    scene = Scene(
        name="halting",
        topology=APPLICATION.topology,
        programs=(typing("b", port=PORT), program("a", "teams.py", port=PORT)),
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


@pytest.mark.seeds(1)
def test_teams_hears_what_is_said_and_no_more(judge: Judge) -> None:
    """The judge's *players* tells names with blanks, and hangs up: what it did not say, *teams* does not say."""
    asked = [about("Otters"), about("Herons")]
    stream = encoded(b"Ada Lovelace\nGrace Hopper")
    scene = Scene(
        name="hangs-up",
        topology=APPLICATION.topology,
        programs=(typing("b", port=PORT), program("a", "teams.py", port=PORT)),
        ports=(
            Port(host="a"),
            Port(host="b", name="line", program="line", offers=(Offering(stream, SECOND), Offering(b"", 2 * SECOND))),
        ),
        classify=APPLICATION.classify,
    )
    trace = judge.play(asking(scene, asked, every=3 * SECOND))
    got = trace.delivered("a")
    wanted = answer("Otters", ["Ada Lovelace", "Grace Hopper"])
    judge.expect(
        "gone:names", got[:1] == [wanted], "the answer has a name a line: Ada Lovelace is one player", found=_shown(got)
    )
    judge.expect("gone:nobody", got == [wanted], "an answer that never came is not an empty one", found=_shown(got))


def _shown(answers: list[bytes]) -> str:
    return " and ".join(each.decode("utf-8", "replace") for each in answers) or "nothing was said"


@pytest.mark.seeds(2)
def test_players_against_a_hasty_teams(judge: Judge) -> None:
    """The judge's *teams* asks several things at once, and in bits and pieces; others dawdle meanwhile, or are rude."""
    asked = drawn(judge.random, 9)
    nameless = judge.random.randint(2, 8)
    asked.insert(nameless, about(""))
    teams = [_team(one).encode() for one in asked]
    dawdled = b"Otters"
    offers = [Offering(b"".join(map(encoded, teams[:4])), SECOND), *_in_pieces(teams[4:], judge.random, 2 * SECOND)]
    scene = Scene(
        name="hasty",
        topology=APPLICATION.topology,
        programs=(
            program("b", "players.py", port=PORT),
            *(typing("a", name=f"rude{n}", port=PORT, connect="b") for n in range(len(RUDE))),
            typing("a", name="slow", port=PORT, connect="b"),
            typing("a", name="line", port=PORT, connect="b"),
        ),
        ports=(
            *(_rude(f"rude{n}", words) for n, words in enumerate(RUDE)),
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
    judge.expect(
        "answer:end",
        heard(trace, "a") != b"".join(encoded(_names(one)) for one in asked[:nameless]),
        "a question may be empty, and is a question: nobody plays for a team without a name",
        found=f"the {nameless} before it were answered, and nothing after",
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


def _rude(name: str, words: bytes) -> Port:
    return Port(host="a", name=name, program=name, offers=(Offering(words), Offering(b"", SECOND // 2)))


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
