"""Step 3: pieces come late, twice and overlapping; out comes the stream, each byte once."""

import itertools
import random

import pytest

from labs.lab04b_tcp.evidence import Conversation, expect_stream
from labs.lab04b_tcp.peers import FarEnd
from labs.lab04b_tcp.scenes import caller, noise
from labs.testbed.judge import Judge
from labs.testbed.unit import Script

pytestmark = pytest.mark.step("3")

TEXT = b"flow control sinks"


@pytest.mark.seeds(1)
def test_what_is_kept(judge: Judge) -> None:
    """What comes early is kept, and handed over with all that follows it when the gap is closed."""
    script = Script("kept")
    script.make("reassembler.Reassembler", 0, store="r")
    script.call("r.receive", 2, b"cd", returns=b"", because="early", label="early")
    script.call("r.receive", 0, b"ab", returns=b"abcd", because="now it is in order", label="kept")
    script.call("r.receive", 6, b"gh", returns=b"", because="early", label="early-again")
    script.call("r.receive", 8, b"ij", returns=b"", because="early", label="early-too")
    script.call("r.receive", 4, b"ef", returns=b"efghij", because="all of it is in order now", label="follows")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_what_is_there_first_holds(judge: Judge) -> None:
    """When two pieces disagree about a byte, the one that came first holds."""
    script = Script("disagree")
    script.make("reassembler.Reassembler", 0, store="r")
    script.call("r.receive", 2, b"CD", returns=b"", because="early", label="early")
    script.call("r.receive", 1, b"bcd", returns=b"", because="still early; C and D are there already", label="around")
    script.call("r.receive", 0, b"a", returns=b"abCD", because="b, C and D were kept", label="first-holds")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_pieces_by_hand(judge: Judge) -> None:
    """Pieces in order, early, twice, overlapping at either end, and one that bridges several."""
    script = Script("pieces")
    script.make("reassembler.Reassembler", 100, store="r")

    def take(start: int, end: int, ready: bytes, because: str, label: str) -> None:
        script.call("r.receive", 100 + start, TEXT[start:end], returns=ready, because=because, label=label)

    take(0, 4, b"flow", "it is in order", "in-order")
    script.get("r.wanted", returns=104, because="four bytes have been handed over", label="wanted")
    script.get("r.has_gap", returns=False, because="nothing is kept", label="no-gap")
    take(0, 4, b"", "it is there already", "twice")
    take(2, 7, b" co", "its beginning is there already: from number 104 on it is new", "overlaps-behind")
    take(9, 12, b"", "two bytes are missing before it", "early")
    script.get("r.has_gap", returns=True, because="something is kept", label="gap")
    script.get("r.wanted", returns=107, because="it waits for number 107", label="waits")
    take(14, 16, b"", "more is missing before that", "second-early")
    take(8, 15, b"", "it overlaps both of those kept, and fills what is between them", "bridges")
    take(7, 8, b"ntrol sin", "the gap is closed, and all behind it is there", "closes")
    script.get("r.has_gap", returns=False, because="nothing is kept any more", label="closed")
    take(17, 18, b"", "one is missing", "early-again")
    take(12, 18, b"ks", "it begins long before and reaches over what is kept", "over-all")
    script.get("r.wanted", returns=118, because="all is here", label="all")
    script.call("r.receive", 118, b"", returns=b"", because="nothing is nothing", label="empty")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_several_that_disagree(judge: Judge) -> None:
    """What came first holds, too, inside a piece that reaches farther on both sides; nothing is no piece."""
    script = Script("several")
    script.make("reassembler.Reassembler", 0, store="r")
    script.call("r.receive", 20, b"", returns=b"", because="nothing, and early", label="nothing")
    script.get("r.has_gap", returns=False, because="nothing is kept: there was nothing to keep", label="nothing-kept")
    script.call("r.receive", 3, b"DE", returns=b"", because="early", label="early")
    script.call("r.receive", 2, b"cdef", returns=b"", because="D and E are there; c and f are new", label="around")
    script.call("r.receive", 8, b"I", returns=b"", because="early", label="early-too")
    script.call("r.receive", 8, b"ijk", returns=b"", because="I is there; j and k are new", label="same-start")
    script.call("r.receive", 0, b"ab", returns=b"abcDEf", because="D and E came first", label="first-inside")
    script.call("r.receive", 6, b"gh", returns=b"ghIjk", because="I came first, then j and k", label="longer")
    judge.unit(script)


def test_shuffled(judge: Judge) -> None:
    """A stream cut into pieces of any size, shuffled, some twice, some overlapping: out it comes."""
    source, script = judge.random, Script("shuffled")
    data = noise(400, source)
    cuts = sorted({0, len(data), *(source.randrange(len(data)) for _ in range(20))})
    pieces = list(itertools.pairwise(cuts))
    pieces += [(max(0, begin - source.randint(0, 30)), min(400, end + source.randint(0, 30))) for begin, end in pieces]
    source.shuffle(pieces)
    script.make("reassembler.Reassembler", 7, store="r")
    there: set[int] = set()
    wanted = 0
    for begin, end in pieces:
        before = wanted
        there.update(range(begin, end))
        while wanted in there:
            wanted += 1
        script.call(
            "r.receive",
            7 + begin,
            data[begin:end],
            returns=data[before:wanted],
            because=f"{wanted - before} more are in order now",
            label="piece",
        )
    judge.unit(script)


def test_a_bad_line(judge: Judge) -> None:
    """In a connection: a line that loses, doubles and reorders, and a sender that repeats in pieces that overlap."""
    source = judge.random
    says = noise(60_000, source)
    far = FarEnd(says=says, repeats=random.Random(source.random()))
    link = {"loss": 3, "reorder": 10, "duplicate": 5}
    trace = judge.play(caller(far, b"", ("reassembler",), name="bad-line", link=link))
    talk = Conversation(trace)
    numbers = [(said.start, said.end) for _, said in talk.heard("b-a") if said.segment.payload]
    reached = 0
    early, overlaps = 0, 0
    for start, end in numbers:
        early += start > reached
        overlaps += start < reached < end
        reached = max(reached, end) if start <= reached else reached
    judge.bites("something came too early", early > 0)
    judge.bites("something overlapped", overlaps > 0)
    expect_stream(judge, b"".join(trace.delivered("a")), says, "a", "order")
