"""Step 1: messages on a serial line."""

import random

import pytest

from labs.lab01_wire.kinds import classify_piece
from labs.lab01_wire.peers import acting
from labs.lab01_wire.scenes import QUESTIONS, SERIAL, talk
from labs.lab01_wire.topology import Serial
from labs.story.trace import Trace
from labs.testbed.judge import Judge
from labs.testbed.scene import Port, Program, Scene
from labs.testbed.unit import Script
from netstack.framing import Decoder, encode
from netstack.wire import MILLISECOND

pytestmark = pytest.mark.step("1")

PIECE = 16
FLAG = b"\x7e"
EXAMPLES = (
    (b"Ada", "7e 41 64 61 b5 3d c1 88 7e", "flag, message, CRC with its highest byte first, flag"),
    (b"~}", "7e 7d 5e 7d 5d de d1 4b 06 7e", "7E and 7D are escaped within the message"),
    (b"Robert", "7e 52 6f 62 65 72 74 7d 5e b4 70 d1 7e", "and within the CRC"),
)


def messages(source: random.Random, count: int, *, longest: int = 90) -> list[bytes]:
    """Messages of all lengths, with more flags and escapes in them than is fair."""
    awkward = b"\x7e\x7d\x5e\x5d\x20\x00"
    return [
        bytes(source.choice((source.randrange(256), *awkward)) for _ in range(source.randint(1, longest)))
        for _ in range(count)
    ]


def arrived(trace: Trace, direction: str) -> list[bytes]:
    """The pieces that came out of the line, in the order in which they did."""
    copies = [(at, frame.arrived or frame.data) for frame in trace.frames(direction) for at in frame.arrivals]
    return [piece for _, piece in sorted(copies, key=lambda copy: copy[0])]


def heard_by_us(pieces: list[bytes]) -> list[bytes]:
    """What the handout's decoder makes of these pieces."""
    decoder = Decoder()
    return [message for piece in pieces for message in decoder.feed(piece)]


def expect_heard(judge: Judge, identity: str, heard: list[bytes], sent: list[bytes], text: str) -> None:
    """Expect exactly `sent`, in order, and tell the first difference."""
    agree = next((n for n, pair in enumerate(zip(heard, sent, strict=False)) if pair[0] != pair[1]), None)
    if agree is None and len(heard) != len(sent):
        agree = min(len(heard), len(sent))
    found = "" if agree is None else f"number {agree + 1} is {_nth(heard, agree)}, not {_nth(sent, agree)}"
    judge.expect(identity, heard == sent, text, found=f"{len(heard)} of {len(sent)} were handed over; {found}")


def _nth(messages: list[bytes], number: int) -> str:
    return messages[number].hex(" ") or "the empty message" if number < len(messages) else "missing"


def says(pieces: list[bytes], *, name: str) -> Scene:
    """The judge itself sends `pieces` to b, one each 20 ms, and b hands over what it hears."""
    return Scene(
        name=name,
        topology=Serial,
        programs=(
            acting("a", ((n * 20 * MILLISECOND, piece) for n, piece in enumerate(pieces))),
            Program(host="b", file="line_talk.py"),
        ),
        ports=(Port(host="b"),),
        classify=classify_piece,
    )


def in_pieces(line: bytes, length: int) -> list[bytes]:
    return [line[start : start + length] for start in range(0, len(line), length)]


def test_the_examples_of_the_handout(judge: Judge) -> None:
    """The examples of the handout come out byte by byte."""
    script = Script("examples")
    once = (b"~", "7e 7d 5e 65 bf b3 b6 7e", "7E becomes 7D 5E, and that is all")
    for message, line, because in (EXAMPLES[0], once, *EXAMPLES[1:]):
        script.call("framing.encode", message, returns=bytes.fromhex(line), because=because, label=message.decode())
    decoder = script.make("framing.Decoder", store="decoder")
    ada, special = bytes.fromhex(EXAMPLES[0][1]), bytes.fromhex(EXAMPLES[1][1])
    for piece in in_pieces(ada[:-1], 1):
        because = "a message is whole when its flag has come"
        script.call(f"{decoder.name}.feed", piece, returns=[], because=because, label="unfinished")
    end = ada[-1:]
    script.call(
        "decoder.feed", end, returns=[b"Ada"], because="now it has, and the pieces are one message", label="whole"
    )
    because = "one piece may bring two messages"
    script.call("decoder.feed", special + ada, returns=[b"~}", b"Ada"], because=because, label="two")
    judge.unit(script)


def test_the_bytes_on_the_line(judge: Judge) -> None:
    """What your `encode` puts on the line is what the handout says, and your decoder makes messages of it again."""
    sent = [b"Ada", b"~}", b"", *messages(judge.random, 12), b"Robert", b"\x7d" * 1500]
    trace = judge.play(talk(sent, name="both-yours"))
    expect_format(judge, trace, sent)
    judge.expect("framing:empty", b"" in trace.delivered("b"), "a message may be empty")
    expect_heard(judge, "framing:whole", trace.delivered("b"), sent, "every message comes out whole, once, in order")


def expect_format(judge: Judge, trace: Trace, sent: list[bytes]) -> None:
    """Expect that a has put on the line, byte for byte, what the handout asks for."""
    line = b"".join(frame.data for frame in trace.frames("a-b"))
    right = b"".join(map(encode, sent))
    place = next((n for n, pair in enumerate(zip(line, right, strict=False)) if pair[0] != pair[1]), len(right))
    judge.expect(
        "framing:format",
        line == right,
        "the line carries flag, escaped message, escaped CRC-32, flag, for each message and nothing else",
        found=f"from byte {place} on it carried {line[place : place + 12].hex(' ') or 'nothing'}, "
        f"not {right[place : place + 12].hex(' ') or 'nothing'}",
    )


def test_the_line_of_another(judge: Judge) -> None:
    """Messages that the judge puts on the line itself come out, however they are cut, even when they share a flag."""
    sent = messages(judge.random, 8, longest=40)
    shared = FLAG + b"".join(encode(message)[1:] for message in sent)
    pieces = [*in_pieces(b"".join(map(encode, sent)), 7), *in_pieces(shared, 1)]
    trace = judge.play(says(pieces, name="the-judge-speaks"))
    expect_heard(judge, "framing:pieces", trace.delivered("b"), sent * 2, "how the line cuts its bytes does not matter")


def test_noise_that_we_chose(judge: Judge) -> None:
    """Noise costs the messages that it touches, and never one after the next flag."""
    one, two, three, four = messages(judge.random, 4, longest=30)
    parts = {
        "noise": (b"\x55\x7d\x13\x21\x99" + encode(one), one, "after noise before the first flag"),
        "torn": (encode(one)[:-4] + encode(two), two, "after a message whose end is missing"),
        "escape": (FLAG + b"\x11\x7d" + encode(three), three, "after an escape that a flag follows"),
        "flags": (FLAG * 3 + encode(four), four, "after flags with nothing between them"),
    }
    abandoned = encode(four)[:-1] + b"\x7d" + FLAG  # whole, but its last escape has nothing to escape
    five = ending_in_an_escape(judge.random)
    line = b"".join(line for line, _, _ in parts.values()) + abandoned + encode(five)[:-2] + FLAG
    heard = judge.play(says(in_pieces(line, PIECE), name="chosen-noise")).delivered("b")
    sent = [message for _, message, _ in parts.values()]
    judge.expect(
        "framing:resync:raw",
        five not in heard,
        "a message whose CRC ends in a 7D that was not escaped is none: the flag after it leaves nothing to undo",
        found=f"{five.hex(' ')} was handed over",
    )
    expect_nothing_invented(judge, heard, sent)
    for name, (_, message, where) in parts.items():
        judge.expect(f"framing:resync:{name}", message in heard, f"the message {where} is handed over")
    expect_heard(judge, "framing:resync", heard, sent, "each of them once, in order, and nothing that was abandoned")


def ending_in_an_escape(source: random.Random) -> bytes:
    """A message whose CRC ends in 7D; one in 256 does."""
    while True:
        message = source.randbytes(source.randint(4, 12))
        if encode(message).endswith(b"\x7d\x5d" + FLAG):
            return message


def expect_nothing_invented(judge: Judge, heard: list[bytes], sent: list[bytes]) -> None:
    invented = [message for message in heard if message not in sent]
    judge.expect(
        "framing:invented",
        not invented,
        "nothing is handed over that was not sent",
        found=f"{_nth(invented, 0)} was never sent",
    )


def test_a_piece_is_damaged_lost_or_doubled(judge: Judge) -> None:
    """After a damaged, a lost, and a doubled piece, exactly the messages that came through whole are handed over."""
    sent = messages(judge.random, 30)
    bit = judge.random.randrange(PIECE * 8)
    scene = talk(sent, name="scripted-noise").scripted(
        f"flip a-b:piece:3:{bit}", "drop a-b:piece:9-10", "duplicate a-b:piece:17", f"flip a-b:piece:24:{bit}"
    )
    expect_through_noise(judge, judge.play(scene), sent)


def test_noise_by_chance(judge: Judge) -> None:
    """On a line that damages, loses or doubles one piece in seven, exactly what came through whole is handed over."""
    sent = messages(judge.random, 60, longest=60)
    expect_through_noise(judge, judge.play(talk(sent, noise=5.0, name="noise-by-chance")), sent)


def expect_through_noise(judge: Judge, trace: Trace, sent: list[bytes]) -> None:
    """Expect that b has handed over what our own decoder makes of the bytes that reached it."""
    expect_format(judge, trace, sent)
    heard, whole = trace.delivered("b"), heard_by_us(arrived(trace, "a-b"))
    judge.bites("some messages were damaged, and some came after them", 5 < len(whole) < len(sent))
    expect_nothing_invented(judge, heard, sent)
    expect_heard(judge, "framing:noise", heard, whole, "what came through whole is handed over, once, in order")


def test_teams_and_players(judge: Judge) -> None:
    """*teams* asks, *players* answers, over your framing."""
    trace = judge.play(SERIAL)
    answers = [b"Herons: Ada, Edsger, Grace", "雪豹: 李娜, 王芳".encode(), b"Understudies: nobody"]
    judge.expect(
        "framing:answers",
        trace.delivered("a") == answers,
        f"{len(QUESTIONS)} questions get their answers",
        found=f"the answers were {[answer.decode('utf-8', 'replace') for answer in trace.delivered('a')]}",
    )
