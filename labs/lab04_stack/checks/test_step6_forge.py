"""Step 6: segments in somebody else's name, as bytes, and what they do."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from labs.lab03_flow.peers import A, B
from labs.lab04_stack.evidence import Segment, named, seconds, segment_in, segments
from labs.lab04_stack.peers import FORGE, typing
from labs.lab04_stack.questions import Forgery, reaction
from labs.lab04_stack.scenes import APPLICATION, MSS, PORT, overheard
from labs.story.trace import FrameEvent, Trace
from labs.testbed.judge import Judge
from labs.testbed.scene import Offering, Port, Scene
from labs.testbed.unit import Script
from netstack.flow.sequence import MODULUS
from netstack.packets import ACK, RST, Ethernet, IPv4, Tcp, number
from netstack.packets.ethernet import IPV4
from netstack.packets.tcp import PROTOCOL
from netstack.tcp import Settings
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("6")

BYTES_FIRST = (1, 3, 0, 2, 5, 4)
"""The order in which what is forged is looked at: behind bytes, an acknowledgement, a SYN, bytes again, a FIN twice."""

MINIMUM = 60
"""Bytes of the shortest frame that Ethernet carries; what is shorter is padded."""

SHOWN = {ACK: "ACK", RST: "RST"}


def test_the_next_segment(judge: Judge) -> None:
    """What is forged is what the other would say next: behind a SYN, behind bytes, behind nothing, behind a FIN."""
    source = judge.random
    offers, ahead = [source.randint(1, 65535) for _ in range(3)], [source.randint(70_000, 2**31 - 70_000) for _ in "ab"]
    orders: list[tuple[Any, ...]] = [
        (0.2, "window_update", offers[0]),
        (0.5, "window_update", offers[1]),
        (0.55, "reset", ahead[0]),
        (0.9, "window_update", offers[2]),
        (1.3, "reset", -ahead[1]),
        (1.35, "reset"),
    ]
    words = [source.randbytes(source.randint(40, 900)) for _ in "ab"]
    scene = Scene(
        name="talk",
        topology=APPLICATION.topology,
        programs=(typing("b", port=PORT), typing("a", port=PORT, connect="b")),
        ports=(
            Port(host="a", name="line", program="line", offers=(Offering(words[0], 600 * MILLISECOND),)),
            Port(
                host="b",
                name="line",
                program="line",
                offers=(Offering(words[1], 300 * MILLISECOND), Offering(b"", SECOND)),
            ),
        ),
        classify=APPLICATION.classify,
        tcp={host: Settings(timestamps=judge.seed % 2 == 0) for host in "ab"},
    )
    trace = judge.play(overheard(scene, orders))
    forged = list(trace.frames("c-h"))
    for n in BYTES_FIRST:
        at, function, *more = orders[n]
        heard = _last_heard(trace, round(at * SECOND))
        right = FORGE[function](heard.frame.data, *more)
        told = "behind" if more and more[0] < 0 else heard.frame.kind
        _expect_forged(judge, function, forged[n] if n < len(forged) else None, right, heard.frame, at, told)


def _last_heard(trace: Trace, at: int) -> Segment:
    """The last segment of b's that c had heard by then."""
    heard = [one for one in segments(trace, "h-c") if max(one.frame.arrivals) <= at and one.tcp.source_port == PORT]
    return heard[-1]


def _expect_forged(
    judge: Judge, function: str, frame: FrameEvent | None, right: bytes, heard: FrameEvent, at: float, told: str
) -> None:
    sentence = f"{function}, of {named(heard)}"
    judge.expect(f"forge:{function}:silence", frame is not None, f"{sentence}: c says it", found="it did not")
    assert frame is not None
    found = segment_in(frame.data)
    judge.expect(
        f"forge:{function}:damaged",
        found is not None,
        f"{sentence}: a segment whose lengths and checksums are right",
        found="no host would take it for one",
        frame=frame,
        wanted=right,
    )
    wanted = segment_in(right)
    assert found is not None
    assert wanted is not None
    for what, one, other in _compared(function, frame.data, found, right, wanted):
        judge.expect(
            f"forge:{function}:{f'number:{told}' if what == 'number' else what}",
            one == other,
            f"{sentence}, at {seconds(round(at * SECOND))}: its {what} is {other}",
            found=f"it is {one}",
            frame=frame,
            wanted=right,
        )


def _compared(
    function: str, data: bytes, found: Tcp, right: bytes, wanted: Tcp
) -> Iterator[tuple[str, object, object]]:
    yield "addresses", (data[:12].hex(":"), data[26:34].hex(".")), (right[:12].hex(":"), right[26:34].hex("."))
    yield "ports", (found.source_port, found.destination_port), (wanted.source_port, wanted.destination_port)
    yield "flags", SHOWN.get(found.flags, f"{found.flags:#x}"), SHOWN[wanted.flags]
    yield "payload", len(found.payload), 0
    yield "number", found.sequence, wanted.sequence
    if function == "window_update":
        yield "acknowledgement", found.acknowledgement, wanted.acknowledgement
        yield "window", found.window, wanted.window
        yield "timestamps", found.options.timestamps, wanted.options.timestamps


@pytest.mark.seeds(1)
def test_where_numbers_go_round(judge: Judge) -> None:
    """Numbers go round at the top; and what lies behind the end of a short packet is padding, and was not said."""
    script = Script("next")
    words, bare, top = _heard(b"words", MODULUS - 2), _heard(b"", 7), _heard(b"", 1)
    bare += bytes(MINIMUM - len(bare))
    for label, function, frame, more, because in (
        ("round", "window_update", words, (1000,), f"five bytes behind {MODULUS - 2} comes 3"),
        ("low", "reset", top, (-5,), f"five below 1 is {MODULUS - 4}"),
        ("padding", "reset", bare, (), "IP's length says that there are no bytes; what follows is Ethernet's padding"),
    ):
        right = segment_in(FORGE[function](frame, *more))
        assert right is not None
        script.call(
            f"forge.{function}",
            frame,
            *more,
            returns=partial(_has_number, right.sequence),
            because=because,
            label=label,
        )
    judge.unit(script)


def _heard(payload: bytes, sequence: int) -> bytes:
    source, destination = number("10.0.0.2"), number("10.0.0.1")
    segment = Tcp(PORT, 5000, sequence, 77, ACK, 3, payload).build(source, destination)
    return Ethernet(A, B, IPV4, IPv4(source, destination, PROTOCOL, segment).build()).build()


def _has_number(sequence: int, frame: bytes) -> bool:
    found = segment_in(frame)
    return found is not None and found.sequence == sequence


@pytest.mark.exact
@pytest.mark.seeds(1)
def test_what_they_do(judge: Judge) -> None:
    """A forged window lets a blocked sender send; of three resets only that with the exact number ends it."""
    source = judge.random
    resets = [source.randint(1, 60_000), source.choice((-1, 1)) * source.randint(70_000, 600_000), 0]
    forged = Forgery(offered=source.randint(1, 3), at=0.6, back=2.0, resets=tuple(resets))
    trace = judge.play(forged.offer())
    begin = round(forged.at * SECOND)
    sent = sum(len(one.tcp.payload) for one in segments(trace, "a-h") if begin <= one.at < begin + SECOND // 20)
    judge.expect(
        "forged:offer",
        sent == forged.offered * MSS,
        f"a is blocked, hears of a window of {forged.offered * MSS} bytes, and sends as many",
        found=f"it sent {sent}",
    )
    trace = judge.play(forged.ends())
    for n, (ahead, wanted) in enumerate(zip(resets, ("challenge", "nothing", "dies"), strict=True)):
        came = reaction(trace, n)
        judge.expect(
            f"forged:{wanted}",
            came == wanted,
            f"a reset whose number is {ahead} beyond the one that a wants: {wanted}",
            found=f"{came}",
        )
