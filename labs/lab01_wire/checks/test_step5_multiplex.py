"""Step 5: many conversations on one wire."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from labs.conformance import conforms
from labs.lab01_wire.peers import Timed, acting, address, ethernet, padded
from labs.lab01_wire.scenes import APPLICATION, crowd, offered
from labs.lab01_wire.starter.business import answer, players_of
from labs.story.trace import Trace
from labs.testbed.judge import Judge
from labs.testbed.program.values import Seen
from labs.testbed.scene import Offering, Port, Program, Scene
from labs.testbed.unit import Script
from netstack.multiplex import ANSWER, ASK, MalformedError, build, parse
from netstack.neighbours import I_AM
from netstack.neighbours import build as build_name
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("5")

A, B, C = address(1), address(2), address(3)
STRANGER = address(0x77)


def question(team: str) -> bytes:
    return f"Who plays for {team}?".encode()


def told(trace: Trace, host: str = "a") -> list[str]:
    return [payload.decode("utf-8", "replace") for payload in trace.delivered(host)]


def wanted(teams: Iterable[str]) -> list[str]:
    """The right answers to questions about `teams`."""
    return [answer(team, players_of(team)).decode() for team in teams]


def is_heard(peer: bytes, number: int, opened_here: bool, data: bytes) -> Callable[[object], bool]:
    """Whether what `receive` returned is this conversation and this data."""
    conversation = {"peer": peer, "number": number, "opened_here": opened_here}

    def right(value: object) -> bool:
        match value:
            case (Seen(_, attributes), said):
                return attributes == conversation and said == data
        return False

    return right


def test_multiplexer_by_itself(judge: Judge) -> None:
    """`Multiplexer` numbers, measures and sorts messages as the handout says."""
    script = Script("multiplex")
    script.make("multiplex.Multiplexer", store="mux")
    first, second = script.make("mux.open", B, store="first"), script.make("mux.open", B, store="second")
    script.get("first.number", returns=1, because="the first conversation has the number 1", label="one")
    script.get("second.number", returns=2, because="the second has the number 2", label="two")
    herons = bytes.fromhex("03 01 00 06 48 65 72 6f 6e 73")
    script.call("mux.send", first, b"Herons", returns=herons, because="kind 3, number, length, data", label="ask")
    script.call(
        "mux.send", second, b"", returns=bytes.fromhex("03 02 00 00"), because="nothing is 0 long", label="none"
    )
    ok = bytes.fromhex("04 01 00 02 4f 6b")
    heard = is_heard(B, 1, True, b"Ok")
    script.call("mux.receive", B, ok, returns=heard, because="an answer says in which conversation", label="answer")
    script.call("mux.receive", B, ok + bytes(40), returns=heard, because="padding is no part of it", label="padding")
    heard = is_heard(B, 1, False, b"Herons")
    script.call("mux.receive", B, herons, returns=heard, because="an ask is of the other side's making", label="asked")
    for source, message, label, because in (
        (B, "04 03 00 00", "unknown", "number 3 is not open"),
        (C, "04 01 00 00", "stranger", "number 1 is open with another station"),
        (B, "04 01 00 05 4f 6b", "cut", "a message that is shorter than it says is dropped"),
        (B, "04 01 00", "short", "so is one that is shorter than its header"),
    ):
        script.call("mux.receive", source, bytes.fromhex(message), returns=None, because=because, label=label)
    script.call("mux.close", first, because="a conversation can be closed", label="close")
    script.call("mux.receive", B, ok, returns=None, because="what comes for it then is dropped", label="closed")
    third = script.make("mux.open", B, store="third")
    script.get("third.number", returns=3, because="a number is not used again at once", label="three")
    script.call("mux.close", third, because="nor is the number that was opened last", label="close")
    script.make("mux.open", B, store="fourth")
    script.get("fourth.number", returns=4, because="it has to wait for its turn too", label="four")
    judge.unit(script)


def test_numbers_run_out(judge: Judge) -> None:
    """255 conversations can be open at a time; a number that is open is passed over."""
    script = Script("numbers")
    script.make("multiplex.Multiplexer", store="mux")
    opened = [script.make("mux.open", B, store=f"c{n}") for n in range(1, 256)]
    script.get("c255.number", returns=255, because="numbers go up to 255", label="255")
    script.call("mux.open", B, raises="BusyError", because="no number is left", label="busy")
    script.call("mux.close", opened[6], because="one ends", label="close")
    script.make("mux.open", B, store="again")
    script.get("again.number", returns=lambda number: number != 0, because="after 255 comes 1: 0 is none", label="zero")
    script.get("again.number", returns=7, because="only 7 is free", label="free")
    judge.unit(script)


def test_the_bytes_on_the_wire(judge: Judge) -> None:
    """Questions and answers are what the handout says, byte by byte; padding is no part of them."""
    teams = ["Herons", "Understudies", "雪豹", f"Team {judge.random.randrange(10**6)}"]
    offers = offered(map(question, teams), every=SECOND)
    trace = judge.play(replace(APPLICATION, ports=(Port(host="a", offers=offers, enough=len(teams)),)))
    names = ["\n".join(players_of(team)).encode() for team in teams]
    asked = [padded(ethernet(A, B, build(ASK, n, team.encode()))) for n, team in enumerate(teams, 1)]
    answered = [padded(ethernet(B, A, build(ANSWER, n, text))) for n, text in enumerate(names, 1)]
    for direction, kind, right in (("a-b", "ask", asked), ("b-a", "answer", answered)):
        sent = [frame.data for frame in trace.frames(direction) if frame.kind not in ("who-has", "I-am")]
        judge.expect(
            f"multiplex:{kind}",
            sent == right,
            f"on {direction} each {kind} is kind, number, length, data",
            found=f"after the Ethernet header: {_messages(sent)}\nnot: {_messages(right)}",
        )
    judge.expect("multiplex:told", told(trace) == wanted(teams), "people get the answers", found=f"{told(trace)}")


def _messages(frames: Iterable[bytes]) -> str:
    return " | ".join(frame[14:].rstrip(b"\0").hex(" ") for frame in frames) or "nothing"


def test_a_crowd(judge: Judge) -> None:
    """Forty questions from two stations at once, answered in another order: each gets its own answer."""
    source = judge.random
    teams = {host: ["Herons", *(f"Team {source.randrange(10**6)}" for _ in range(19))] for host in "ac"}
    thinks = {team: source.random() for asked in teams.values() for team in asked}
    trace = judge.play(crowd(offered(map(question, teams["a"])), offered(map(question, teams["c"])), thinks))
    for host, asked in teams.items():
        got = told(trace, host)
        judge.expect(
            "multiplex:mixed",
            sorted(got) == sorted(wanted(asked)),
            f"people at {host} get the answer to each of their questions, once, and no other",
            found=f"missing: {sorted(set(wanted(asked)) - set(got))}; surplus: {sorted(set(got) - set(wanted(asked)))}",
        )


def test_an_answer_that_comes_too_late(judge: Judge) -> None:
    """The answer to a question that was given up does not answer the next one."""
    offers = (
        Offering(question("Herons"), 0),
        Offering(question("Otters"), 5500 * MILLISECOND),
        Offering(question("雪豹"), 5600 * MILLISECOND),
    )
    thinks = {"Herons": 6.0, "Otters": 2.0, "雪豹": 1.0}
    trace = judge.play(crowd(offers, (), thinks, name="too-late"))
    late = [frame for frame in trace.frames("hub-a", "answer") if frame.at > 5600 * MILLISECOND]
    judge.expect(
        "multiplex:answered", len(late) == 3, "players answers all three, one of them late", found=f"{len(late)}"
    )
    judge.expect(
        "multiplex:late",
        told(trace) == ["Herons: please ask again later", *wanted(["雪豹", "Otters"])],
        "the late answer is dropped, and the others get theirs",
        found=f"people got {told(trace)}",
    )


def test_messages_that_belong_nowhere(judge: Judge) -> None:
    """What is malformed, or of no conversation that is open here, is dropped; what is ours comes out exactly."""
    secret = f"Ada {judge.random.randrange(10**6)}\0"

    def respond(frame: bytes, now: int) -> list[Timed]:
        if APPLICATION.classify(frame) == "who-has":
            return [(now, padded(ethernet(B, A, build_name(I_AM, "players"))))]
        try:
            _, number, _ = parse(frame[14:])
        except MalformedError:
            return []
        other = number % 255 + 1
        strays = [
            padded(ethernet(B, A, build(ANSWER, other, b"of a conversation that is not open"))),
            padded(ethernet(STRANGER, A, build(ANSWER, number, b"of another station"))),
            padded(ethernet(B, A, build(ASK, number, b"of a conversation that b opened"))),
            padded(ethernet(B, A, bytes((ANSWER, number, 0xFF, 0xFF)) + b"cut short")),
            ethernet(B, A, bytes((ANSWER, number, 0))),
        ]
        right = padded(ethernet(B, A, build(ANSWER, number, secret.encode())), filling=b"?")
        return [(now + n * MILLISECOND, stray) for n, stray in enumerate((*strays, right), 1)]

    teams = ["Herons", "Otters"]
    scene = Scene(
        name="strays",
        topology=APPLICATION.topology,
        programs=(Program(host="a", file="teams.py"), acting("b", respond=respond)),
        ports=(Port(host="a", offers=offered(map(question, teams), every=SECOND), enough=2),),
        classify=APPLICATION.classify,
    )
    got, right = told(judge.play(scene)), [f"{team}: {secret}" for team in teams]
    judge.expect(
        "multiplex:strays",
        got == right,
        "teams takes the answer in its own conversation, in full, and nothing else",
        found=f"people got {got}, not {right}",
    )


def test_the_same_number_twice(judge: Judge) -> None:
    """Two stations may use the same number at the same time: each gets its own answer, at its own address."""
    source = judge.random
    number = source.randint(1, 255)
    askers = {b"\x02" + source.randbytes(5): team for team in ("Herons", "Otters", "雪豹")}
    opening = [(0, padded(ethernet(asker, B, build(ASK, number, team.encode())))) for asker, team in askers.items()]
    scene = Scene(
        name="same-number",
        topology=APPLICATION.topology,
        programs=(
            acting("a", opening),
            Program(host="b", file="players.py", arguments={"thinks": {"Herons": 0.3, "Otters": 0.2}}),
        ),
        classify=APPLICATION.classify,
    )
    sent = [frame.data for frame in judge.play(scene).frames("b-a")]
    right = [
        padded(ethernet(B, asker, build(ANSWER, number, "\n".join(players_of(team)).encode())))
        for asker, team in askers.items()
    ]
    judge.expect(
        "multiplex:same-number",
        sorted(sent) == sorted(right),
        "each of the three answers goes to the one that asked for it",
        found=f"the frames were {[frame[:40].hex(' ') for frame in sent] or 'none'}",
    )


def test_numbers_go_round(judge: Judge) -> None:
    """300 questions one after the other, while one is still open: its number is passed over."""
    offers = offered([question("Herons"), *(question(f"Team {n}") for n in range(300))], every=12 * MILLISECOND)
    trace = judge.play(crowd(offers, (), {"Herons": 4.5}, name="round"))
    numbers = [frame.data[15] for frame in trace.frames("a-hub", "ask")]
    again = [n for n, number in enumerate(numbers) if number in numbers[max(0, n - 200) : n]]
    judge.expect("multiplex:reused", not again, "no number is used again soon", found=f"question {again[:1]} did")
    got = told(trace)
    judge.expect(
        "multiplex:round",
        got == wanted([*(f"Team {n}" for n in range(300)), "Herons"]),
        "the long conversation gets its own answer, and so do the 300 others",
        found=f"the last answers were {got[-3:]}",
    )


def test_the_application(judge: Judge) -> None:
    """*teams* and *players* behave as in every lab."""
    conforms(judge, APPLICATION, every=SECOND // 2)
