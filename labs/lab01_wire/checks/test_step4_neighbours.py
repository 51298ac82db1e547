"""Step 4: find each other by name."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

import pytest

from labs.lab01_wire.kinds import describe
from labs.lab01_wire.peers import BROADCAST, Timed, acting, address, ethernet, padded
from labs.lab01_wire.scenes import FIND, finder, offered
from labs.lab01_wire.topology import Pair
from labs.story.trace import FrameEvent, Trace
from labs.testbed.judge import Judge
from labs.testbed.scene import Offering, Port, Scene
from labs.testbed.unit import Script
from netstack.neighbours import I_AM, WHO_HAS, build
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("4")

A, B, C = address(1), address(2), address(3)
MOVED = address(0x42)
WHO_HAS_PLAYERS = bytes.fromhex("01 70 6c 61 79 65 72 73 00 00 00 00 00 00 00 00 00")
I_AM_PLAYERS = b"\2" + WHO_HAS_PLAYERS[1:]


def asks_for(name: str, *, source: bytes = A, destination: bytes = BROADCAST) -> bytes:
    return padded(ethernet(source, destination, build(WHO_HAS, name)))


def alone(offers: Iterable[Offering], respond: Callable[[bytes, int], Iterable[Timed]], *, name: str) -> Scene:
    """The student's finder on a, and the judge on b, who answers as `respond` says."""
    return Scene(
        name=name,
        topology=Pair,
        programs=(finder("a"), acting("b", respond=respond)),
        ports=(Port(host="a", offers=tuple(offers)),),
        classify=FIND.classify,
    )


def questions(trace: Trace, direction: str = "a-b") -> list[FrameEvent]:
    return list(trace.frames(direction, "who-has"))


def at(frames: Iterable[FrameEvent]) -> str:
    return ", ".join(f"{frame.at / SECOND:g} s" for frame in frames) or "never"


def expect_asked(judge: Judge, identity: str, frames: list[FrameEvent], times: list[int], text: str) -> None:
    """Expect questions at these times (ns), each as the handout has it, to everybody."""
    judge.expect(identity, [frame.at for frame in frames] == times, text, found=f"it asked at: {at(frames)}")


def expect_told(judge: Judge, identity: str, trace: Trace, told: list[str], text: str) -> None:
    got = [payload.decode("utf-8", "replace") for payload in trace.delivered("a")]
    judge.expect(identity, got == told, text, found=f"it found {got}, not {told}")


def test_neighbours_by_itself(judge: Judge) -> None:
    """`Neighbours` asks, answers and forgets as the handout says, on a clock that the script sets."""
    script = Script("neighbours")
    script.make("neighbours.Neighbours", "teams", store="teams")
    clock = {"now": 100.0}
    script.call("teams.address_of", "players", keywords=clock, returns=None, because="nobody is known yet", label="new")
    script.call("teams.next_timer", returns=None, because="nothing is sought yet", label="idle")
    script.call("teams.search", "players", keywords=clock, because="a search can begin", label="search")
    script.call("teams.searching", "players", returns=True, because="the search is under way", label="begun")
    script.call("teams.next_timer", returns=100.0, because="the first question is due at once", label="due")
    script.call(
        "teams.handle_timer", keywords=clock, returns=[WHO_HAS_PLAYERS], because="it is asked now", label="who-has"
    )
    script.call("teams.next_timer", returns=100.5, because="the second is due half a second later", label="again")
    script.call(
        "teams.receive",
        B,
        I_AM_PLAYERS + bytes(29),
        keywords={"now": 100.2},
        returns=None,
        because="an I-am needs no answer",
        label="heard",
    )
    script.call("teams.searching", "players", returns=False, because="an answer ends the search", label="ended")
    script.call("teams.next_timer", returns=None, because="and there is no more to ask", label="quiet")
    known = {"now": 130.1}
    script.call("teams.address_of", "players", keywords=known, returns=B, because="known for 29.9 s", label="known")
    forgotten = {"now": 131.0}
    script.call(
        "teams.address_of",
        "coach",
        keywords=forgotten,
        returns=None,
        because="of others nothing is known",
        label="coach",
    )
    script.make("neighbours.Neighbours", "teams", store="other")
    script.call(
        "other.receive", B, I_AM_PLAYERS, keywords={"now": 5.0}, because="learnt without asking", label="learnt"
    )
    script.call(
        "other.address_of", "players", keywords={"now": 36.0}, returns=None, because="31 s are too long", label="old"
    )
    script.make("neighbours.Neighbours", "teams", store="third")
    script.call("third.receive", B, I_AM_PLAYERS, keywords={"now": 5.0}, because="learnt at 5 s", label="learnt")
    script.call(
        "third.address_of",
        "players",
        keywords={"now": 35.0},
        returns=None,
        because="30 s are not less than 30 s",
        label="exactly",
    )
    script.call(
        "teams.receive",
        B,
        build(WHO_HAS, "teams"),
        keywords=clock,
        returns=build(I_AM, "teams"),
        because="it answers for its own name",
        label="own",
    )
    script.call(
        "teams.receive",
        B,
        build(WHO_HAS, "teams") + b"?" * 29,
        keywords=clock,
        returns=build(I_AM, "teams"),
        because="the asker's padding is no part of it",
        label="padding",
    )
    script.call(
        "teams.receive", B, WHO_HAS_PLAYERS, keywords=clock, returns=None, because="and for no other", label="other"
    )
    script.call(
        "teams.receive",
        B,
        b"",
        keywords=clock,
        returns=None,
        because="nothing is no message, and ignored",
        label="empty",
    )
    judge.unit(script)


def test_a_timer_that_is_handled_late(judge: Judge) -> None:
    """The next question is due half a second after the last was asked, however late that was."""
    script = Script("late")
    script.make("neighbours.Neighbours", "teams", store="teams")
    script.call("teams.search", "players", keywords={"now": 100.0}, because="a search begins", label="search")
    for now, label in ((100.25, "next"), (101.0, "next"), (101.75, "last")):
        script.call(
            "teams.handle_timer",
            keywords={"now": now},
            returns=[WHO_HAS_PLAYERS],
            because="a question, 0.25 s late",
            label="question",
        )
        script.call("teams.next_timer", returns=now + 0.5, because=f"half a second after {now}", label=label)
    script.call("teams.searching", "players", returns=True, because="the third may still be answered", label="waits")
    script.call("teams.handle_timer", keywords={"now": 102.25}, returns=[], because="it was not", label="over")
    script.call("teams.searching", "players", returns=False, because="so the search is given up", label="given-up")
    judge.unit(script)


def test_three_on_one_cable(judge: Judge) -> None:
    """Three stations on one cable find each other by name, and nobody answers for a name that nobody has."""
    trace = judge.play(FIND)
    told = [f"players: {B.hex(':')}", f"coach: {C.hex(':')}", "ghost: nobody"]
    got = [payload.decode("utf-8", "replace") for payload in trace.delivered("a")]
    judge.expect(
        "neighbours:found", got[:2] == told[:2], "a finds players and coach at their addresses", found=f"{got}"
    )
    expect_told(judge, "neighbours:nobody", trace, told, "and hears that nobody is called ghost")
    asked = {build(WHO_HAS, name) for name in ("players", "coach", "ghost")}
    for frame in questions(trace, "a-hub"):
        judge.expect(
            "neighbours:format",
            frame.data[:12] == BROADCAST + A and frame.data[14:31] in asked,
            "each question goes to everybody: kind 1, and the name filled up with zeros",
            found=frame.data[:31].hex(" "),
            frame=frame,
            wanted=ethernet(A, BROADCAST, max(asked, key=partial(_alike, frame.data[14:31]))),
        )
    for host, name, own in (("b", "players", B), ("c", "coach", C)):
        frames = list(trace.frames(f"{host}-hub", "I-am"))
        right = ethernet(own, A, build(I_AM, name))
        judge.expect(
            "neighbours:answer",
            [frame.data[:31] for frame in frames] == [right],
            f"{host} answers once, to the asker alone: I am {name}",
            found=f"it sent {[frame.data[:31].hex(' ') for frame in frames] or 'no I-am'}",
            frame=frames[-1] if frames else None,
            wanted=right,
        )


def _alike(one: bytes, other: bytes) -> int:
    """How many bytes two messages have in common."""
    return sum(a == b for a, b in zip(one, other, strict=False))


def test_who_answers_and_who_does_not(judge: Judge) -> None:
    """A station answers for its own name, to whoever asks, and is silent at everything else."""
    asker = b"\x02" + judge.random.randbytes(5)
    noise = [
        asks_for("coach", source=asker),
        asks_for("player", source=asker),
        asks_for("playersplayers", source=asker),
        padded(ethernet(asker, BROADCAST, build(I_AM, "players"))),
        ethernet(asker, BROADCAST, b"\1players"),  # cut short
        padded(ethernet(asker, BROADCAST, b"\1" + b"\xff" * 16)),  # not UTF-8
        padded(ethernet(asker, BROADCAST, b"\1" + bytes(16))),  # no name
        ethernet(asker, BROADCAST, b"\1"),
        ethernet(asker, B, b"\2"),
    ]
    good = [asks_for("players", source=asker), asks_for("players", source=asker, destination=B)]
    opening = [(n * 10 * MILLISECOND, frame) for n, frame in enumerate((*noise, *good), 1)]
    asked, _ = opening[len(noise)]
    scene = Scene(
        name="who-answers",
        topology=Pair,
        programs=(acting("a", opening), finder("b")),
        ports=(Port(host="b"),),
        classify=FIND.classify,
    )
    trace = judge.play(scene)
    early = [frame for frame in trace.frames("b-a") if frame.at < asked]
    cause = provoked_by(trace, early[0]) if early else b""
    judge.expect(
        "neighbours:malformed" if cause in noise[4:] else "neighbours:others",
        not early,
        "players is silent when another is sought, and at what is no question",
        found=f"it sent {describe(early[0].data)}\nafter it had heard {cause.hex(' ')}" if early else "",
        frame=early[0] if early else None,
    )
    sent = list(trace.frames("b-a"))
    right = padded(ethernet(B, asker, build(I_AM, "players")))
    judge.expect(
        "neighbours:own",
        [frame.data for frame in sent] == [right, right],
        "players answers each of the two questions for it, to the one that asked",
        found=f"it sent {[frame.data[:31].hex(' ') for frame in sent] or 'nothing'}",
        frame=next((frame for frame in sent if frame.data != right), None),
        wanted=right,
    )


def provoked_by(trace: Trace, reply: FrameEvent) -> bytes:
    """The last frame that came to b before it sent `reply`."""
    came = [(at, frame.data) for frame in trace.frames("a-b") for at in frame.arrivals if at <= reply.at]
    return max(came, key=lambda each: each[0], default=(0, b""))[1]


def test_a_question_is_lost(judge: Judge) -> None:
    """A lost question is asked again half a second later, and the answer ends the asking."""
    ports = (Port(host="a", offers=offered((b"players",)), enough=1), Port(host="b"), Port(host="c"))
    scene = replace(FIND, name="a-question-is-lost", ports=ports)
    trace = judge.play(scene.scripted("drop a-hub:who-has:1"))
    judge.bites("the first question was lost", any(frame.lost for frame in questions(trace, "a-hub")))
    expect_told(judge, "neighbours:lost", trace, [f"players: {B.hex(':')}"], "players is found all the same")
    expect_asked(
        judge, "neighbours:again", questions(trace, "a-hub"), [0, SECOND // 2], "it asks at 0 s and at 0.5 s, no more"
    )


def test_nobody_answers(judge: Judge) -> None:
    """Where nobody answers, three questions are asked, half a second apart, and then the search is given up."""
    twice = offered((b"ghost", b"ghost"), every=5 * SECOND)
    trace = judge.play(alone(twice, lambda frame, now: (), name="nobody-answers"))
    every = SECOND // 2
    rounds = [start + n * every for start in (0, 5 * SECOND) for n in range(3)]
    expect_asked(judge, "neighbours:limit", questions(trace), rounds, "each search asks three times, and then no more")
    told = [(event.at, event.payload) for event in trace.at_port("delivered", "a")]
    judge.expect(
        "neighbours:given-up",
        told == [(start + 3 * every, b"ghost: nobody") for start in (0, 5 * SECOND)],
        "half a second after the third question the search is given up",
        found=f"it handed over {[(f'{when / SECOND:g} s', text) for when, text in told] or 'nothing'}",
    )


def test_what_was_learnt_is_forgotten(judge: Judge) -> None:
    """An address is believed for 30 seconds without asking; later the question is asked anew, and players has moved."""

    def respond(frame: bytes, now: int) -> list[Timed]:
        home = B if now < 20 * SECOND else MOVED
        return [(now, padded(ethernet(home, A, build(I_AM, "players"))))] if FIND.classify(frame) == "who-has" else []

    times = [0, 10 * SECOND, 29 * SECOND, 31 * SECOND, 60 * SECOND]
    offers = [Offering(b"players", when) for when in times]
    trace = judge.play(
        replace(alone(offers, respond, name="players-moves"), limits=replace(FIND.limits, time=70 * SECOND))
    )
    expect_asked(judge, "neighbours:fresh", questions(trace)[:1], [0], "the first time, it asks at once")
    early = [frame for frame in questions(trace) if 0 < frame.at < 30 * SECOND]
    judge.expect(
        "neighbours:cached",
        not early,
        "while the address is fresh, nothing is asked",
        found=f"it asked at: {at(early)}",
    )
    expect_told(
        judge,
        "neighbours:expired",
        trace,
        [f"players: {home.hex(':')}" for home in (B, B, B, MOVED, MOVED)],
        "after 30 s the old address is not believed any more",
    )
    expect_asked(judge, "neighbours:fresh", questions(trace), [0, 31 * SECOND], "it asks at 0 s and at 31 s")


def test_one_search_for_many(judge: Judge) -> None:
    """Several who want the same name share one search, and each gets the answer."""

    def respond(frame: bytes, now: int) -> list[Timed]:
        return [(now + 700 * MILLISECOND, padded(ethernet(B, A, build(I_AM, "players"))))]

    offers = [Offering(b"players", n * 100 * MILLISECOND) for n in range(4)]
    trace = judge.play(alone(offers, respond, name="one-search"))
    expect_asked(
        judge,
        "neighbours:shared",
        questions(trace),
        [0, SECOND // 2],
        "four who seek players ask no more than one does",
    )
    expect_told(judge, "neighbours:all", trace, [f"players: {B.hex(':')}"] * 4, "each of the four gets the address")
