"""Step 3: the same conversation on Ethernet, without framing."""

import random
from collections.abc import Iterable
from dataclasses import replace

import pytest

from labs.lab01_wire.peers import BROADCAST, Timed, acting, address, ethernet
from labs.lab01_wire.scenes import ETHERNET, offered
from labs.lab01_wire.starter.business import answer, players_of
from labs.story.trace import Trace
from labs.testbed.judge import Judge
from labs.testbed.scene import Port, Program, Scene
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("3")

A, B, STRANGER = address(1), address(2), address(0x77)


def some_teams(source: random.Random) -> list[str]:
    """Teams that there are, and some that nobody has heard of; one with a very long name."""
    return ["Herons", "雪豹", f"Team {source.randrange(10**6)}", "~}" * source.randint(200, 400)]


def asking(scene: Scene, teams: Iterable[str]) -> Scene:
    questions = [f"Who plays for {team}?".encode() for team in teams]
    return replace(scene, ports=(Port(host="a", offers=offered(questions, every=SECOND), enough=len(questions)),))


def right_answers(teams: Iterable[str]) -> list[bytes]:
    return [answer(team, players_of(team)) for team in teams]


def expect_answers(judge: Judge, trace: Trace, answers: list[bytes]) -> None:
    judge.expect(
        "cable:answers",
        trace.delivered("a") == answers,
        "people at teams get the answer to each question, in order",
        found=f"they got {[text.decode('utf-8', 'replace') for text in trace.delivered('a')]}",
    )


def test_bare_messages(judge: Judge) -> None:
    """Each message travels in one frame: 14 bytes of header, then the message, and not a byte more."""
    teams = some_teams(judge.random)
    trace = judge.play(asking(ETHERNET, teams))
    asked = [ethernet(A, BROADCAST, team.encode()) for team in teams]
    told = [ethernet(B, A, "\n".join(players_of(team)).encode()) for team in teams]
    for direction, right, identity in (("a-b", asked, "cable:question"), ("b-a", told, "cable:answer")):
        sent = list(trace.frames(direction))
        judge.expect(f"cable:silence:{direction}", bool(sent), f"something is said on {direction}", found="nothing was")
        first, header = sent[0].data[:14], right[0][:14]
        judge.expect(
            "cable:header",
            first == header,
            f"the header on {direction} is {header.hex(' ')}: to, from, type",
            found=f"it was {first.hex(' ')}",
            frame=sent[0],
            wanted=right[0],
        )
        for n, frame in enumerate(right):
            judge.expect(
                identity,
                n < len(sent) and sent[n].data == frame,
                f"frame {n + 1} on {direction} is header and message: {_short(frame)}",
                found=f"it was {_short(sent[n].data) if n < len(sent) else 'never sent'}",
                frame=sent[n] if n < len(sent) else None,
                wanted=frame,
            )
        judge.expect(
            identity,
            len(sent) == len(right),
            f"there is one frame for each message on {direction}",
            found=f"{len(sent)}",
        )
    expect_answers(judge, trace, right_answers(teams))


def test_without_framing(judge: Judge) -> None:
    """It works on machines that have no `framing.py`."""
    programs = tuple(
        Program(host=program.host, file="without_framing.py", arguments={"program": program.file.removesuffix(".py")})
        for program in ETHERNET.programs
        if isinstance(program, Program)
    )
    teams = some_teams(judge.random)
    trace = judge.play(asking(replace(ETHERNET, name="without-framing", programs=programs), teams))
    expect_answers(judge, trace, right_answers(teams))


def test_frames_for_others(judge: Judge) -> None:
    """Frames of another type, and frames for another machine, are not for this one."""

    def respond(frame: bytes, now: int) -> list[Timed]:
        names = ethernet(B, A, b"Name of " + frame[14:24])
        strays = [
            ethernet(B, A, b"of another type", ethertype=0x0800),
            ethernet(B, A, b"of another type", ethertype=0xB588),
            ethernet(B, STRANGER, b"for another machine"),
            ethernet(B, BROADCAST, b"of another type, for all", ethertype=0x0806),
        ]
        return [(now + n * MILLISECOND, stray) for n, stray in enumerate((*strays, names), 1)]

    teams = some_teams(judge.random)
    scene = replace(
        ETHERNET, name="strays", programs=(Program(host="a", file="cable_teams.py"), acting("b", respond=respond))
    )
    trace = judge.play(asking(scene, teams))
    got = [text.decode("utf-8", "replace") for text in trace.delivered("a")]
    for stray, why in (("of another type", "type"), ("for another machine", "destination")):
        judge.expect(
            f"cable:strays:{why}",
            not any(stray in text for text in got),
            f"teams takes no frame that is {stray}",
            found=f"people got {got}",
        )
    wanted = [answer(team, [(b"Name of " + team.encode()[:10]).decode("utf-8", "replace")]) for team in teams]
    judge.expect(
        "cable:strays",
        trace.delivered("a") == wanted,
        "teams takes the answers, each once",
        found=f"people got {got}",
    )


def test_answers_go_to_the_asker(judge: Judge) -> None:
    """An answer goes to the address that the question came from, whatever it is."""
    teams = some_teams(judge.random)
    source = judge.random
    askers = [b"\x02" + source.randbytes(5) for _ in teams]
    opening = [
        (n * 10 * MILLISECOND, ethernet(asker, (BROADCAST, B)[n % 2], team.encode()))
        for n, (team, asker) in enumerate(zip(teams, askers, strict=True))
    ]
    scene = replace(
        ETHERNET,
        name="askers",
        programs=(acting("a", opening), Program(host="b", file="cable_players.py")),
        ports=(),
    )
    trace = judge.play(scene)
    told = [ethernet(B, asker, "\n".join(players_of(t)).encode()) for t, asker in zip(teams, askers, strict=True)]
    sent = [frame.data for frame in trace.frames("b-a")]
    judge.expect(
        "cable:reply",
        sent == told,
        "each answer goes to the one that asked, from the card's own address",
        found=f"the frames were {[_short(frame) for frame in sent] or 'none'}",
    )


def _short(frame: bytes) -> str:
    return frame[:32].hex(" ") + (f" … ({len(frame)} bytes)" if len(frame) > 32 else "")
