"""Step 5: what was written inside an application, below a stream, where no application sees it."""

import hashlib
from typing import Any

import pytest

from labs.conformance import conforms
from labs.grading.reference import BROUGHT
from labs.lab03_flow.evidence import beyond_credit, named, said, seconds
from labs.lab03_flow.judgements import expect_the_credit_to_be_kept
from labs.lab03_flow.peers import against_us
from labs.lab03_flow.scenes import AT_ONCE
from labs.lab04_stack.bench import Told, bench
from labs.lab04_stack.scenes import APPLICATION, PIECE, below, pouring
from labs.lab04_stack.topology import Line
from labs.story.trace import Trace
from labs.testbed.judge import Judge
from labs.testbed.scene import Offering, Port, Program, Reader, Scene
from netstack.flow.messages import Ack, Data, Message
from netstack.flow.sequence import MODULUS, add, before, distance
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("5")

MINE = ("window.py", "credit.py")


@pytest.mark.seeds(1)
def test_the_same_files(judge: Judge) -> None:
    """`window.py` and `credit.py` are those that you brought along from lab 3, byte for byte."""
    names = (BROUGHT, *MINE)
    scene = Scene(
        name="files",
        topology=Line,
        programs=(Program(host="a", file="files.py"),),
        ports=(Port(host="a", offers=tuple(Offering(name.encode()) for name in names), enough=len(names)),),
    )
    brought, *files = judge.play(scene).delivered("a")
    told = (line.partition("  ") for line in brought.decode("ascii", "replace").splitlines())
    known = {name: digest for digest, _, name in told}
    for name, content in zip(MINE, files, strict=True):
        digest = hashlib.sha256(content).hexdigest()
        judge.expect(
            "same:files",
            known.get(name) == digest,
            f"{name} has the SHA-256 that {BROUGHT} names: what was in the application is now below it",
            found=f"it has {digest}, and {BROUGHT} says {known.get(name, 'nothing')}",
        )


def _whole(payloads: Any, *, reader: Reader = AT_ONCE, name: str = "", every: int = 0, **more: Any) -> Scene:
    """The scene that lab 3's judgements want: a pours cards into your stream, b drinks them from another."""
    own = {key: more.pop(key) for key in ("sip", "begin", "pace") if key in more}
    pace = own.pop("pace", 0.0)
    return below(pouring(payloads, interval=every, every=pace, name=name, **own), **more)


@pytest.mark.seeds(2)
def test_pieces(judge: Judge) -> None:
    """What is written is cut into messages of 1000 bytes and a rest; the empty message is the end, and only that."""
    source = judge.random
    sizes = [PIECE - 1, PIECE, PIECE + 1, PIECE + source.randint(2, 400), source.randint(1, 500)]
    source.shuffle(sizes)
    sent = [source.randbytes(size) for size in sizes]
    trace = judge.play(below(pouring([*sent, b""], name="pieces")))
    _expect_pieces(judge, trace, sent)
    _expect_end(judge, trace)


@pytest.mark.exact
@pytest.mark.seeds(2)
def test_sending_waits_for_credit(judge: Judge) -> None:
    """Against the judge's end, which grants by and by: what is granted is sent at once, and nothing beyond it."""
    expect_the_credit_to_be_kept(judge, _whole)


@pytest.mark.exact
@pytest.mark.seeds(2)
def test_reading_grants_credit(judge: Judge) -> None:
    """Against the judge's sender: a message has been read when its last byte has been; then there is room for more."""
    source = judge.random
    capacity, sip, first = source.randint(4, 7), source.randint(31, 60), source.randrange(9000)
    sent = [source.randbytes(source.randint(90, 150)) for _ in range(capacity)]
    opening: list[tuple[int, Message]] = [(n * 5 * MILLISECOND, Data(first + n, each)) for n, each in enumerate(sent)]
    scene = against_us(
        _whole,
        "a",
        name="by-sips",
        opening=opening,
        capacity=capacity,
        first=first,
        sip=sip,
        begin=1.0,
        pace=0.05,
        seconds=1.2 + 0.05 * sum(len(each) // sip + 1 for each in sent),
    )
    trace = judge.play(scene)
    _expect_bytes(judge, trace, b"".join(sent), sip=sip)
    acks = [(frame, message) for frame, message in said(trace, "b-a") if isinstance(message, Ack)]
    for frame, ack in acks:
        limit = add(first, _consumed(trace, sent, frame.at) + capacity)
        granted = add(ack.number, ack.credit)
        judge.expect(
            "read:early",
            not before(limit, granted),
            f"at {seconds(frame.at)} credit reaches to {limit}, for {_consumed(trace, sent, frame.at)} messages have "
            "been read to their last byte",
            found=f"{named(frame)} grants all before {granted}",
            frame=frame,
        )
    for event in trace.at_port("delivered", "b"):
        limit = add(first, _consumed(trace, sent, event.at) + capacity)
        told = [add(ack.number, ack.credit) for frame, ack in acks if frame.at <= event.at]
        behind = min(distance(each, limit) for each in told)
        judge.expect(
            "read:untold",
            2 * behind < capacity,
            f"at {seconds(event.at)}, with {_consumed(trace, sent, event.at)} messages read, less than half of the "
            "room is free that the sender has not heard of",
            found=f"it has been told of all before {told[-1]}",
        )


def _consumed(trace: Trace, sent: list[bytes], at: int) -> int:
    """How many of these messages had been read to their last byte by the time `at`."""
    read = sum(len(event.payload) for event in trace.at_port("delivered", "b") if event.at <= at)
    count = 0
    for each in sent:
        read -= len(each)
        count += read >= 0
    return count


def _expect_bytes(judge: Judge, trace: Trace, wanted: bytes, *, sip: int) -> None:
    got = trace.delivered("b")
    judge.expect(
        "read:most",
        max(map(len, got), default=0) <= sip,
        f"`receive_some({sip})` returns at most {sip} bytes",
        found=f"it returned {max(map(len, got), default=0)}",
    )
    stream = b"".join(got)
    place = next((n for n, (one, other) in enumerate(zip(stream, wanted, strict=False)) if one != other), len(stream))
    judge.expect(
        "read:bytes",
        wanted.startswith(stream),
        "what is read is what was sent, byte for byte",
        found=f"byte {place} is the first that is not",
    )
    judge.expect(
        "read:all", stream == wanted, f"all {len(wanted)} bytes are read in the end", found=f"{len(stream)} were"
    )


@pytest.mark.seeds(2)
def test_a_bad_line_and_a_slow_reader(judge: Judge) -> None:
    """Writes and sips of any size over a line that loses and reorders: the bytes are the same, and so is the end."""
    source = judge.random
    capacity, first = source.randint(3, 6), MODULUS - source.randint(3, 30)
    sizes = [PIECE, PIECE + 1, 2 * PIECE + source.randint(2, 900), *(source.randint(1, 500) for _ in range(5))]
    source.shuffle(sizes)
    sent = [source.randbytes(size) for size in sizes]
    sip = source.randint(90, 700)
    scene = pouring([*sent, b""], sip=sip, begin=0.6, every=0.005, enough=None, name="sips")
    link = {"loss": 4, "reorder": 5, "duplicate": 4}
    trace = judge.play(below(scene, link=link, capacity=capacity, first=first))
    found = beyond_credit(trace, first, capacity)
    judge.expect(
        "bound:credit",
        found is None,
        "nothing is sent beyond the credit that has arrived",
        found=f"{named(found[0])} is" if found else "",
        frame=found[0] if found else None,
    )
    _expect_taken_in_time(judge, trace, sent)
    _expect_bytes(judge, trace, b"".join(sent), sip=sip)
    _expect_end(judge, trace)
    judge.bites("a frame was lost", any(frame.lost for frame in trace.frames("a-b", "data")))
    judge.bites("the sender had no credit", any(True for _ in trace.frames("b-a", "zero")))


def _expect_end(judge: Judge, trace: Trace) -> None:
    judge.expect(
        "end:read",
        trace.delivered("b")[-1:] == [b""] and trace.delivered("b").count(b"") == 1,
        "after the last byte the reader is told that this was all, once",
        found=f"it read {[len(each) for each in trace.delivered('b')][-4:]} bytes last",
    )


def _pieces(sent: list[bytes]) -> list[bytes]:
    return [each[at : at + PIECE] for each in sent for at in range(0, len(each), PIECE)]


def _messages(trace: Trace) -> dict[int, tuple[int, bytes]]:
    """The messages that a sent: by number, when for the first time, and what."""
    found: dict[int, tuple[int, bytes]] = {}
    for frame, message in said(trace, "a-b"):
        if isinstance(message, Data):
            found.setdefault(message.number, (frame.at, message.payload))
    return found


def _expect_pieces(judge: Judge, trace: Trace, sent: list[bytes]) -> None:
    """What is written is cut into messages of `PIECE` bytes and a rest; the empty one comes last, and only there."""
    wanted = [*_pieces(sent), b""]
    found = [payload for _, payload in _messages(trace).values()]
    longest = max(map(len, found), default=0)
    judge.expect("piece:long", longest <= PIECE, f"no message is longer than {PIECE} bytes", found=f"one has {longest}")
    judge.expect(
        "piece:empty",
        b"" not in found[:-1],
        "an empty message is the end, and nothing comes after it",
        found=f"message {found.index(b'') + 1 if b'' in found else 0} of {len(found)} is empty",
    )
    judge.expect(
        "piece:end",
        b"" in found or len(found) < len(wanted) - 1,
        "the end is told by an empty message",
        found="none came",
    )
    place = next((n for n, (one, other) in enumerate(zip(found, wanted, strict=False)) if one != other), None)
    judge.expect(
        "piece:cut",
        found == wanted,
        f"each write is cut into messages of {PIECE} bytes and a rest",
        found=f"{len(found)} messages instead of {len(wanted)}"
        if place is None
        else f"message {place + 1} has {len(found[place])} bytes, not {len(wanted[place])}",
    )


def _expect_taken_in_time(judge: Judge, trace: Trace, sent: list[bytes]) -> None:
    """`send_all` returns when its last byte is on its way."""
    messages = list(_messages(trace).values())
    last = -1
    for payload, event in zip(sent, trace.at_port("delivered", "a"), strict=False):
        last += len(_pieces([payload]))
        at = messages[last][0] if last < len(messages) else trace.ended_at
        judge.expect(
            "taken:early",
            event.at >= at,
            f"`send_all` returns when its last byte has been sent, at {seconds(at)}",
            found=f"it returned at {seconds(event.at)}",
        )


@pytest.mark.seeds(1)
def test_the_end_is_said_once(judge: Judge) -> None:
    """By itself: the end waits for credit like any message, is sent once, and closes one of the two directions."""
    orders = [
        "1 grant 1",
        "1 send_all 0",
        "1 send_all 1500",
        "1 grant 1",
        "1 send_eof",  # 5: there is no credit for it
        "1 send_eof",
        "1 aclose",
        "1 send_all 10",  # 8: the end is said, though it waits
        "1 deliver 10",
        "1 receive_some 20",  # 10: the other direction is open
        "1 grant 4",
        "1 send_eof",
        "2 aclose",  # 13
        "2 grant 4",
        "2 aclose",
        "2 send_all 10",
        "2 send_eof",
    ]
    told = Told(judge.play(bench("the-end", orders)))
    _expect(judge, "nothing", told.sent("1", before=3), [], "`send_all(b'')` sends nothing")
    _expect(judge, "waits", told.came_of(3), "", "1500 bytes are two messages, and `send_all` waits for the second")
    _expect(judge, "closed", told.came_of(8), "closed", "behind the end, though it waits for credit, nothing is taken")
    _expect(judge, "half", told.came_of(10), "10", "who has sent the end can still read what comes")
    _expect(judge, "once", told.sent("1", before=20), [1000, 500, 0], "the end is sent once, however often it is asked")
    _expect(judge, "mute", told.sent("2", before=15), [0], "`aclose` sends the end, if nobody has")
    _expect(judge, "behind", told.came_of(13), "", "`aclose` returns when the end has been sent, not before")
    _expect(judge, "aclose", told.sent("2", before=20), [0], "`aclose` sends it once")
    _expect(judge, "open", told.came_of(16), "closed", "after `aclose` nothing is taken")


@pytest.mark.exact
@pytest.mark.seeds(1)
def test_what_has_been_read(judge: Judge) -> None:
    """By itself: a message is consumed with its last byte, the end when it has been told, and told for ever after."""
    orders = [
        "2 receive_some",
        "1 receive_some 400",
        "1 deliver 1000",
        "1 receive_some 400",
        "1 receive_some 400",  # 5: the last 200
        "1 deliver 7",
        "1 deliver 0",
        "1 receive_some 7",  # 8: the end is not told yet
        "1 receive_some",
        "1 receive_some",
        "1 receive_some 9",
    ]
    told = Told(judge.play(bench("reading", orders)))
    _expect(judge, "other", told.came_of(1, after=11), "", "to the other connection nothing has come")
    _expect(judge, "woken", told.came_of(2, after=3), "400", "who waits is told as soon as there is something")
    _expect(judge, "sips", told.consumed("1", before=5), [], "800 of 1000 bytes have been read: it is not consumed")
    _expect(judge, "last", told.consumed("1", before=6), [1], "all 1000 have been read: it is consumed, once")
    _expect(judge, "read", told.came_of(8), "7", "the next message is read")
    _expect(judge, "untold", told.consumed("1", before=9), [1, 2], "the end has not been told: two are consumed")
    _expect(judge, "told", told.consumed("1", before=10), [1, 2, 3], "the end has been told: it is consumed too")
    _expect(judge, "again", [told.came_of(n) for n in (9, 10, 11)], ["0"] * 3, "there is the end, and ever after")
    _expect(judge, "over", told.consumed("1", before=12), [1, 2, 3], "the end is consumed once")


def _expect(judge: Judge, what: str, found: object, wanted: object, sentence: str) -> None:
    judge.expect(f"end:{what}", found == wanted, sentence, found=f"{found!r} instead of {wanted!r}")


@pytest.mark.seeds(1)
def test_the_application_over_your_stream(judge: Judge) -> None:
    """The application of step 3, unchanged, over your stream instead of TCP: the same answers."""
    conforms(judge, below(APPLICATION), count=4, every=SECOND // 4)
