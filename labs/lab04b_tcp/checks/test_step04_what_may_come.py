"""Step 4: order, the window, and the end of the stream, on the receiving side."""

import random

import pytest

from labs.lab04b_tcp.evidence import (
    Conversation,
    expect_honest_acknowledgements,
    expect_promises_kept,
    expect_stream,
    named,
)
from labs.lab04b_tcp.peers import FarEnd
from labs.lab04b_tcp.scenes import caller, noise
from labs.testbed.judge import Judge
from labs.testbed.scene import Reader
from labs.testbed.unit import Script
from netstack.wire import MILLISECOND

pytestmark = pytest.mark.step("4")

NOW = {"now": 1.0}


def new_receiver(script: Script, *, wanted: int = 1_000, **more: object) -> None:
    """A receiver `r`, around a reassembler of ours."""
    pieces = script.make("netstack.tcp.reassembler.Reassembler", wanted, store="pieces")
    terms = {"capacity": 8_000, "mss": 1_000, "delay": 0.04} | more
    script.make("receiver.Receiver", store="r", keywords={"reassembler": pieces, **terms})


def receive(
    script: Script, start: int, data: bytes, ready: bytes, because: str, label: str, *, fin: bool = False
) -> None:
    script.call("r.receive", start, data, fin, keywords=NOW, returns=ready, because=because, label=label)


@pytest.mark.seeds(1)
def test_the_window_by_itself(judge: Judge) -> None:
    """The window shrinks as bytes come; its edge stands still until there is a segment's room, and cuts."""
    script, text = Script("window"), random.Random(4).randbytes(10_000)
    new_receiver(script)
    script.get("r.wanted", returns=1_000, because="nothing has come", label="first")
    script.call("r.announce", 0, returns=8_000, because="all of the buffer is free", label="all-free")
    receive(script, 1_000, text[:1_000], text[:1_000], "it is in order", "in-order")
    script.get("r.wanted", returns=2_000, because="the next one", label="wanted")
    script.call("r.announce", 0, returns=7_000, because="1,000 bytes are unread", label="less")
    receive(script, 3_000, text[2_000:3_000], b"", "it is early", "early")
    script.call(
        "r.announce", 0, returns=7_000, because="the edge is where it was, and so is `wanted`", label="early-same"
    )
    receive(script, 2_000, text[1_000:2_000], text[1_000:3_000], "now both are in order", "both")
    script.call("r.announce", 0, returns=5_000, because="3,000 bytes are unread", label="three")
    receive(
        script,
        4_000,
        text[3_000:9_000],
        text[3_000:8_000],
        "the window ends at 9,000: what is beyond is cut off",
        "cut",
        fin=True,
    )
    script.get("r.ended", returns=False, because="with its last 1,000 bytes the FIN was cut off too", label="cut-fin")
    script.call("r.announce", 0, returns=0, because="8,000 bytes are unread", label="closed")
    script.call("r.read", 300, keywords=NOW, because="the user reads 300", label="read-300")
    script.call("r.announce", 0, returns=0, because="300 bytes are not worth a word", label="silly")
    script.call("r.read", 600, keywords=NOW, because="the user reads 600", label="read-600")
    script.call("r.announce", 0, returns=0, because="900 are less than a segment", label="still-silly")
    script.call("r.read", 100, keywords=NOW, because="the user reads 100", label="read-100")
    script.call("r.announce", 0, returns=1_000, because="a whole segment has room", label="open")
    script.call("r.announce", 0, returns=1_000, because="nothing has changed", label="same")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_wide_and_narrow_windows(judge: Judge) -> None:
    """A scaled window is rounded up, a plain one ends at 65535, and of a small buffer half is worth a word."""
    script, x = Script("wide"), bytes(1_001)
    new_receiver(script, capacity=200_000, wanted=0)
    script.call("r.announce", 0, returns=65_535, because="16 bits hold no more", label="sixteen-bits")
    script.call("r.announce", 2, returns=50_000, because="50,000 times 4 bytes", label="scaled")
    receive(script, 0, x, x, "it is in order", "in-order")
    script.call(
        "r.announce", 2, returns=49_750, because="198,999 / 4 is rounded up: the edge may not move back", label="up"
    )
    new_receiver(script, capacity=1_200, wanted=0)
    receive(script, 0, x, x, "it is in order", "small")
    script.call("r.announce", 0, returns=199, because="the edge stands at 1,200", label="small-edge")
    script.call("r.read", 599, keywords=NOW, because="the user reads 599", label="read-599")
    script.call("r.announce", 0, returns=199, because="less than half of this buffer", label="not-half")
    script.call("r.read", 1, keywords=NOW, because="the user reads one more", label="read-1")
    script.call("r.announce", 0, returns=799, because="that is half of it", label="half")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_the_end_by_itself(judge: Judge) -> None:
    """A FIN counts when all before it has come, once, and however often it comes."""
    script = Script("end")
    new_receiver(script)
    receive(script, 1_005, b"world", b"", "it is early", "early", fin=True)
    script.get("r.ended", returns=False, because="something is missing before the end", label="not-yet")
    script.get("r.wanted", returns=1_000, because="and that is what is wanted", label="missing")
    receive(script, 1_000, b"hello", b"helloworld", "nothing is missing any more", "all")
    script.get("r.ended", returns=True, because="now the end has come too", label="ended")
    script.get("r.wanted", returns=1_011, because="ten bytes and the FIN", label="after-fin")
    receive(script, 1_005, b"world", b"", "a repeat", "again", fin=True)
    script.get("r.wanted", returns=1_011, because="a FIN counts once", label="once")
    receive(script, 1_010, b"", b"", "the FIN alone, once more", "alone", fin=True)
    script.get("r.wanted", returns=1_011, because="still once", label="still-once")
    new_receiver(script)
    receive(script, 1_000, b"", b"", "a stream without bytes", "empty", fin=True)
    script.get("r.wanted", returns=1_001, because="the FIN takes a number", label="empty-fin")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_what_was_promised(judge: Judge) -> None:
    """What was announced is taken, to the last byte, and nothing beyond; only what is handed over waits to be read."""
    script, x = Script("promise"), bytes(1_000)

    def kept(whether: bool, because: str, label: str) -> None:
        script.get("pieces.has_gap", returns=whether, because=because, label=label)

    new_receiver(script, capacity=200_000, wanted=0)
    receive(script, 65_535, x, b"", "the SYN has announced 65535: all of it lies beyond", "beyond-the-syn")
    kept(False, "nothing of it is kept", "syn")
    script.call("r.announce", 7, returns=1_563, because="200,000 / 128, rounded up: up to 200,064", label="rounded")
    receive(script, 200_000, x[:64], b"", "it is early", "promised")
    kept(True, "it was announced, and is kept", "rounded-kept")
    new_receiver(script)
    receive(script, 9_500, x, b"", "the window ends at 9,000: all of it lies beyond", "beyond")
    kept(False, "nothing of it is kept", "beyond-kept")
    receive(script, 1_000, x, x, "it is in order", "in-order")
    receive(script, 1_000, x, b"", "a repeat", "repeat")
    for n in range(2):
        receive(script, 3_000, x, b"", "it is early", f"early-{n}")
    receive(script, 2_000, x, x + x, "now both are in order", "both")
    script.call("r.announce", 0, returns=5_000, because="3,000 bytes are unread", label="unread")
    script.call("r.read", 3_000, keywords=NOW, because="the user reads all that was handed over", label="read")
    script.call("r.announce", 0, returns=8_000, because="all of the buffer is free again", label="free-again")
    judge.unit(script)


@pytest.mark.seeds(2)
def test_a_slow_reader(judge: Judge) -> None:
    """In a connection, with a small buffer and a reader of moods: no promise is broken, none is silly, all arrives."""
    source = judge.random
    says, capacity, most = noise(40_000, source), source.randint(5_000, 9_000), source.choice((100, 150))
    reader = Reader(every=2 * MILLISECOND, pauses=((300 * MILLISECOND, source.randint(800, 1_500) * MILLISECOND),))
    far = FarEnd(says=says)
    more = {"settings": {"receive_buffer": capacity}, "most": most, "link": {"loss": 1}}
    trace = judge.play(caller(far, b"", ("receiver",), name="slow-reader", reader=reader, **more))
    talk = Conversation(trace)
    judge.bites("the window was closed", any(said.edge == said.wanted for said in talk.said("a-b")))
    expect_promises_kept(judge, talk, capacity=capacity, mss=1_460, most=2 * most)
    expect_honest_acknowledgements(judge, talk)
    expect_stream(judge, b"".join(trace.delivered("a")), says, "a", "order")


@pytest.mark.seeds(2)
def test_the_end_comes_first(judge: Judge) -> None:
    """The FIN overtakes what stands before it, and comes twice: it is taken for the end when it is."""
    source = judge.random
    says = noise(source.randint(3_000, 5_000), source)
    far = FarEnd(says=says)
    scene = caller(far, b"", ("receiver",), name="end-first").scripted("drop b-a:data:2", "duplicate b-a:fin:1")
    trace = judge.play(scene)
    talk = Conversation(trace)
    judge.bites("the FIN came too early", any(said.segment.flags & 1 for _, said in talk.heard("b-a")))
    expect_honest_acknowledgements(judge, talk)
    expect_stream(judge, b"".join(trace.delivered("a")), says, "a", "order")
    last = talk.said("a-b")[-1]
    judge.expect(
        "end:acknowledged",
        last.wanted == len(says) + 1,
        f"in the end {len(says)} bytes and the FIN are acknowledged",
        found=f"{named(last)} says {last.wanted}",
        frame=last.frame,
    )
