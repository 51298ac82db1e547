"""Step 2: messages on a stream that has no boundaries."""

import random
from collections.abc import Iterator

import pytest

from labs.lab04_stack.evidence import segments, spoken
from labs.lab04_stack.peers import LENGTH, encoded
from labs.lab04_stack.scenes import mail
from labs.testbed.judge import Judge
from labs.testbed.unit import Script

pytestmark = pytest.mark.step("2")


@pytest.mark.seeds(1)
def test_one_message(judge: Judge) -> None:
    """`encode` puts four bytes of length before a message; a message may be empty; one beyond the limit is refused."""
    script = Script("encode")
    script.call("messages.encode", b"Ada", returns=b"\0\0\0\x03Ada", because="its length comes first", label="bytes")
    script.call("messages.encode", b"", returns=b"\0\0\0\0", because="nobody is an answer too", label="empty")
    long = bytes(300)
    script.call("messages.encode", long, returns=b"\0\0\x01\x2c" + long, because="300 is 1 · 256 + 44", label="long")
    script.call(
        "messages.encode", b"x" * 9, keywords={"limit": 9}, returns=encoded(b"x" * 9), because="9 are 9", label="limit"
    )
    script.call(
        "messages.encode", b"x" * 9, keywords={"limit": 8}, raises="MessageError", because="9 > 8", label="beyond"
    )
    script.call(
        "messages.encode", bytes(65537), raises="MessageError", because="the limit is 65536 otherwise", label="default"
    )
    judge.unit(script)


@pytest.mark.seeds(1)
def test_byte_by_byte(judge: Judge) -> None:
    """A message that comes byte by byte is there with its last byte, and not before."""
    script = Script("bytes")
    decoder = "decoder"
    script.make("messages.Decoder", store=decoder)
    script.call("decoder.feed", encoded(b"Leslie"), because="a whole message", label="feed-whole")
    script.call("decoder.message", returns=b"Leslie", because="it is all there", label="at-once")
    stream = encoded(b"Ada") + encoded(b"") + encoded(b"Grace")
    done = 0
    for place, byte in enumerate(stream):
        script.call("decoder.feed", bytes([byte]), because=f"byte {place + 1} of the stream", label="feed")
        wanted = {6: [b"Ada"], 10: [b""], 19: [b"Grace"]}.get(place, [])
        for payload in wanted:
            done += 1
            script.call("decoder.message", returns=payload, because="now it is whole", label=f"whole-{done}")
        script.call("decoder.message", returns=None, because="there is no whole message", label=f"not-yet-{done}")
    script.call("decoder.end", because="the stream ends between two messages", label="end")
    judge.unit(script)


@pytest.mark.seeds(2)
def test_cut_anywhere(judge: Judge) -> None:
    """However a stream is cut into pieces, and several messages joined in one, the messages are the same."""
    source = judge.random
    payloads = [source.randbytes(source.choice((0, 1, 3, 4, 5, 200, 256, 700))) for _ in range(12)]
    script = Script("cuts")
    script.make("messages.Decoder", store="decoder")
    stream = b"".join(map(encoded, payloads))
    script.call("decoder.feed", stream, because="twelve messages in one piece", label="joined")
    for payload in payloads:
        script.call("decoder.message", returns=payload, because="one after another, in order", label="each")
    script.call("decoder.message", returns=None, because="that was all", label="all")
    waiting = iter(payloads)
    come, whole = 0, _ends(payloads)
    for piece in _pieces(stream, source):
        script.call("decoder.feed", piece, because="another piece", label="piece")
        come += len(piece)
        while whole and whole[0] <= come:
            whole.pop(0)
            script.call("decoder.message", returns=next(waiting), because="it is whole now", label="cut")
        script.call("decoder.message", returns=None, because="the next is not whole", label="cut-none")
    judge.unit(script)


def _ends(payloads: list[bytes]) -> list[int]:
    ends, at = [], 0
    for payload in payloads:
        at += LENGTH + len(payload)
        ends.append(at)
    return ends


def _pieces(stream: bytes, source: random.Random) -> Iterator[bytes]:
    while stream:
        size = source.choice((1, 2, 3, 5, 90, 400))
        yield stream[:size]
        stream = stream[size:]


@pytest.mark.seeds(1)
def test_what_is_no_stream_of_messages(judge: Judge) -> None:
    """A length beyond the limit is an error as soon as it is read, and an end in the midst of a message is one too."""
    script = Script("errors")
    script.make("messages.Decoder", store="decoder", keywords={"limit": 10})
    good, bad = encoded(b"0123456789"), encoded(b"0123456789x")[:LENGTH]
    script.call("decoder.feed", good + bad, because="a message of 10 bytes, and the promise of one of 11", label="feed")
    script.call("decoder.message", returns=b"0123456789", because="10 is the limit, and not beyond it", label="limit")
    script.call("decoder.message", raises="MessageError", because="11 is too many: no need to wait", label="beyond")
    script.call("decoder.message", raises="MessageError", because="there is no way back", label="again")
    script.call("decoder.feed", encoded(b"Ada"), because="more comes, and `feed` takes it", label="feed-more")
    script.call("decoder.message", raises="MessageError", because="there is still no way back", label="still")
    script.make("messages.Decoder", store="waiting")
    script.call("waiting.feed", encoded(b"Ada") + encoded(b""), because="two whole messages", label="feed-two")
    script.call("waiting.end", because="both are whole, though nobody has fetched them", label="end-whole")
    script.call("waiting.message", returns=b"Ada", because="they still can be", label="fetched")
    script.make("messages.Decoder", store="other")
    script.call("other.feed", b"\x7f\xff\xff\xff", because="two gigabytes are announced", label="feed-huge")
    script.call("other.message", raises="MessageError", because="the limit is 65536 otherwise", label="huge")
    script.make("messages.Decoder", store="unsigned")
    script.call("unsigned.feed", b"\xff\xff\xff\xfb", because="nearly four gigabytes are announced", label="feed-most")
    script.call("unsigned.message", raises="MessageError", because="a length has no sign", label="most")
    script.make("messages.Decoder", store="allowed")
    script.call("allowed.feed", b"\0\x01\0\0", because="65536 are announced", label="feed-allowed")
    script.call("allowed.message", returns=None, because="65536 are allowed, and have not come", label="allowed")
    for name, rest in (("payload", b"\0\0\0\x02A"), ("length", b"\0\0"), ("message", b"\0\0\0\x02")):
        script.make("messages.Decoder", store=name)
        script.call(f"{name}.feed", rest, because="a beginning", label=f"feed-{name}")
        script.call(f"{name}.message", returns=None, because="it is not whole", label=f"none-{name}")
        script.call(f"{name}.end", raises="MessageError", because=f"it ended in its {name}", label=f"end-{name}")
    judge.unit(script)


def test_over_tcp(judge: Judge) -> None:
    """*teams* sends cards to *players* over TCP, which cuts and joins them as it likes: they arrive as they were."""
    source = judge.random
    sent = [source.randbytes(source.choice((0, 1, 40, 200, 900, 2500))) for _ in range(20)]
    trace = judge.play(mail(sent, mtu=576, loss=3))
    expected = b"".join(map(encoded, sent))
    stream = spoken(trace, "a-b")
    place = next((n for n, (one, other) in enumerate(zip(stream, expected, strict=False)) if one != other), len(stream))
    judge.expect(
        "wire:bytes",
        expected.startswith(stream),
        "the bytes on the wire are lengths and messages, as the handout says",
        found=f"the first {place} bytes are; then comes {stream[place : place + 8].hex(' ')}",
    )
    got = trace.delivered("b")
    judge.expect(
        "wire:delivered",
        got == sent,
        f"the reader is handed the {len(sent)} messages, as they were sent",
        found=f"{len(got)} were; the first that differs has {_length(got, sent)} bytes",
    )
    sizes = [len(one.tcp.payload) for one in segments(trace, "a-b")]
    judge.bites("a message was cut", max(sizes) < max(map(len, sent)))


def _length(got: list[bytes], sent: list[bytes]) -> int:
    return next((len(one) for one, other in zip(got, sent, strict=False) if one != other), 0)
