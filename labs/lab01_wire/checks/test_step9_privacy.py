"""Step 9, an elective: what is said stays between those who share the key."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from labs.conformance import Asked, drawn
from labs.lab01_wire.peers import Timed, acting, address, ethernet, padded
from labs.lab01_wire.scenes import APPLICATION, offered, sealed
from labs.story.trace import Trace
from labs.testbed.judge import Judge
from labs.testbed.scene import Port, Scene
from labs.testbed.unit import Script
from netstack.multiplex import ANSWER, MalformedError, build, parse
from netstack.neighbours import I_AM
from netstack.neighbours import build as build_name
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("9")

A, B = address(1), address(2)
LATER = b"please ask again later"


def our_privacy() -> Any:
    """Our own sealer and opener: imported late, for they need a package that not every machine has."""
    from netstack import privacy

    return privacy


def a_key(judge: Judge) -> bytes:
    return judge.random.randbytes(32)


def asking(judge: Judge, count: int, *, name: str = "sealed", key: bytes | None = None) -> tuple[Scene, list[Asked]]:
    """The application with a key of this seed's own, and `count` questions, one each second."""
    asked = drawn(judge.random, count)
    offers = offered((one.question for one in asked), every=SECOND)
    scene = replace(APPLICATION, ports=(Port(host="a", offers=offers, enough=len(asked)),))
    return replace(sealed(scene, (key or a_key(judge)).hex()), name=name), asked


def expect_told(judge: Judge, identity: str, trace: Trace, answers: Iterable[bytes], text: str) -> None:
    got, right = trace.delivered("a"), list(answers)
    judge.expect(
        identity,
        sorted(got) == sorted(right),
        text,
        found=f"people got {[each.decode('utf-8', 'replace') for each in got]}",
    )


def said(trace: Trace, direction: str) -> list[tuple[bytes, int, int, bytes]]:
    """Source, kind, number and data of each message of a conversation."""
    found = []
    for frame in trace.frames(direction):
        try:
            found.append((frame.data[6:12], *parse(frame.data[14:])))
        except MalformedError:
            continue
    return found


def test_sealer_and_opener_by_themselves(judge: Judge) -> None:
    """Sealing gives the bytes of the handout; opening gives the data once, and refuses everything else."""
    key, context = bytes(range(32)), b"\3\1"
    sealed_once = bytes.fromhex("00 00 00 00 00 01 90 d4 81 06 16 b2 17 ed b5 21 94 df 20 b9 0a 79 1e 42 df 9a 85 4e")
    script = Script("privacy")
    script.make("privacy.Sealer", key, A, store="sealer")
    script.make("privacy.Opener", key, store="opener")
    script.make("privacy.Opener", key[::-1], store="other")
    seal, open_ = "sealer.seal", "opener.open"
    script.call(seal, b"Herons", context, returns=sealed_once, because="counter 1, then the sealed data", label="seal")
    refusals = (
        ("key", "other.open", A, sealed_once, context, "another key does not open it"),
        ("context", open_, A, sealed_once, b"\3\2", "nor does another context"),
        ("source", open_, B, sealed_once, context, "nor another sender's address"),
        ("bit", open_, A, sealed_once[:-1] + b"\0", context, "nor does it open with a bit changed"),
        ("counter", open_, A, b"\xff" * 6 + sealed_once[6:], context, "nor with another counter"),
        ("short", open_, A, sealed_once[:21], context, "nor when it is shorter than counter and tag"),
        ("empty", open_, A, b"", context, "nor when nothing is left"),
    )
    for label, call, source, data, for_, because in refusals:
        script.call(call, source, data, for_, raises="RefusedError", because=because, label=label)
    script.call(
        open_, A, sealed_once, context, returns=b"Herons", because="after all that, the real one opens", label="open"
    )
    script.call(open_, A, sealed_once, context, raises="RefusedError", because="but only once", label="replay")
    judge.unit(script)


def test_the_window(judge: Judge) -> None:
    """Of the last 64 counters each opens once, in any order; what is older is refused."""
    ours = our_privacy()
    key, context = a_key(judge), b"\4\7"
    sealer = ours.Sealer(key, B)
    messages = [sealer.seal(bytes([n]), context) for n in range(1, 202)]
    script = Script("window")
    script.make("privacy.Opener", key, store="opener")

    def opens(counter: int, because: str) -> None:
        data = bytes([counter])
        script.call("opener.open", B, messages[counter - 1], context, returns=data, because=because, label=str(counter))

    def refuses(counter: int, because: str) -> None:
        sealed_data = messages[counter - 1]
        script.call(
            "opener.open", B, sealed_data, context, raises="RefusedError", because=because, label=f"not {counter}"
        )

    opens(100, "the first to come may have any counter")
    opens(98, "one that was overtaken is no replay")
    refuses(98, "the same again is")
    opens(37, "63 behind the highest is within the window")
    refuses(36, "64 behind is too old to tell")
    refuses(100, "the highest came already")
    opens(101, "the window moves on")
    opens(99, "what it still holds is still open")
    refuses(37, "what it lost is not")
    opens(200, "it can move far")
    refuses(101, "and then forgets all that was before")
    opens(199, "but keeps room for what is to come")
    judge.unit(script)


def test_nobody_else_understands(judge: Judge) -> None:
    """On the wire nothing of question or answer is to be read, no counter comes twice, and the key opens it all."""
    ours = our_privacy()
    key = a_key(judge)
    scene, asked = asking(judge, 8, key=key)
    trace = judge.play(scene)
    expect_told(
        judge, "privacy:answers", trace, (one.answer for one in asked), "people get the answer to each question"
    )
    opener = ours.Opener(key)
    for direction, count in (("a-b", len(asked)), ("b-a", len(asked))):
        messages = said(trace, direction)
        opened = [_open(opener, ours, *message) for message in messages]
        judge.expect(
            "privacy:sealed",
            len(opened) == count and all(data is not None for data in opened),
            f"what goes from {direction.replace('-', ' to ')} is sealed, each message with a counter of its own",
            found=f"{sum(data is not None for data in opened)} of {count} open: "
            f"{[data[:24].hex(' ') for _, _, _, data in messages]}",
        )


def _open(opener: Any, ours: Any, source: bytes, kind: int, number: int, data: bytes) -> bytes | None:
    try:
        opened: bytes = opener.open(source, data, bytes((kind, number)))
    except ours.RefusedError:
        return None
    return opened


def test_said_again(judge: Judge) -> None:
    """A message that the wire delivers twice counts once."""
    scene, asked = asking(judge, 4, name="replayed")
    trace = judge.play(scene.scripted("duplicate a-b:ask:1-3", "duplicate b-a:answer:2"))
    answers = [frame for frame in trace.frames("b-a") if frame.kind not in ("who-has", "I-am")]
    judge.expect(
        "privacy:replay",
        len(answers) == len(asked),
        "players answers each question once, however often it comes",
        found=f"it sent {len(answers)} answers to {len(asked)} questions",
    )
    expect_told(judge, "privacy:told", trace, (one.answer for one in asked), "and people get each answer")


def test_altered_and_overtaken(judge: Judge) -> None:
    """What was altered on the way is not believed; what was overtaken is."""
    scene, asked = asking(judge, 5, name="altered")
    bit = (14 + 4 + 6) * 8 + judge.random.randrange(16)
    trace = judge.play(scene.scripted(f"flip a-b:ask:2:{bit}", f"flip b-a:answer:2:{bit}", "hold a-b:ask:4:1500ms"))
    answers = [one.answer for one in asked]
    for n in (1, 2):
        answers[n] = answers[n].rpartition(b": ")[0] + b": " + LATER
    expect_told(
        judge, "privacy:altered", trace, answers, "the altered question and the altered answer count for nothing"
    )


def test_a_forger_on_the_wire(judge: Judge) -> None:
    """One who can listen and send, but has no key, achieves nothing: not by copying, turning round, or inventing."""
    ours = our_privacy()
    key = a_key(judge)
    source = judge.random
    sealer, opener = ours.Sealer(key, B), ours.Opener(key)
    recorded: list[bytes] = []

    def respond(frame: bytes, now: int) -> list[Timed]:
        if APPLICATION.classify(frame) == "who-has":
            return [(now, padded(ethernet(B, A, build_name(I_AM, "players"))))]
        try:
            kind, number, data = parse(frame[14:])
        except MalformedError:
            return []
        if _open(opener, ours, A, kind, number, data) is None:
            return []
        right = sealer.seal(b"Ada", bytes((ANSWER, number)))
        forged = [
            *recorded,  # answers of other conversations
            data,  # the question, turned round
            (2**47).to_bytes(6, "big") + source.randbytes(30),  # invented, with a counter from far ahead
            right[:6] + bytes(len(right) - 6),
            b"Mallory",
        ]
        recorded.append(right)
        frames = [padded(ethernet(B, A, build(ANSWER, number, said_))) for said_ in (*forged, right)]
        return [(now + n * MILLISECOND, each) for n, each in enumerate(frames, 1)]

    scene, asked = asking(judge, 4, name="forger", key=key)
    scene = replace(scene, programs=(scene.programs[0], acting("b", respond=respond)))
    trace = judge.play(scene)
    right = [one.answer.rpartition(b": ")[0] + b": Ada" for one in asked]
    expect_told(judge, "privacy:forged", trace, right, "people get what players said, and nothing that it did not say")
