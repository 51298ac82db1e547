"""What lab 4b plays: your end of a TCP connection on host a, and on host b the judge's, ours, or the kernel's."""

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from labs.lab04b_tcp.kinds import classify
from labs.lab04b_tcp.peers import ADDRESSES, PORT, FarEnd, settings
from labs.lab04b_tcp.topology import Kernel, Tcp
from labs.testbed.scene import Acting, Limits, Offering, Port, Program, Reader, Scene
from netstack.wire import MILLISECOND, SECOND

AT_ONCE = Reader()
ALL = ("positions", "reassembler", "receiver", "timer", "sender", "congestion")
TIME_WAIT = 1.0
PIECE = 10_000
"""Bytes of a payload that the application has ready."""


def noise(count: int, source: random.Random) -> bytes:
    """Bytes in which a mistake shows, and which nobody can guess."""
    return source.randbytes(count)


def terms(host: str, **more: Any) -> dict[str, Any]:
    """The arguments of `end.py` on `host`. On a it calls, on b it answers."""
    calls = ADDRESSES["b"] if host == "a" else None
    base = {"address": ADDRESSES[host], "calls": calls, "port": PORT, "isn": 1_000, "pieces": (), "says": 0}
    return {
        **base,
        "counting": False,
        "most": 1_000,
        "linger": 3_600.0,
        **more,
        "settings": {"time_wait": TIME_WAIT, **more.get("settings", {})},
    }


def offered(data: bytes) -> tuple[Offering, ...]:
    """`data` as payloads that the application has ready from the beginning."""
    return tuple(Offering(data[begin : begin + PIECE]) for begin in range(0, len(data), PIECE))


def caller(
    far: FarEnd | Callable[[], FarEnd] | None,
    says: bytes,
    pieces: Sequence[str],
    *,
    name: str,
    reader: Reader = AT_ONCE,
    link: Mapping[str, Any] = {},
    seconds: float = 120.0,
    **more: Any,
) -> Scene:
    """Host a, with your `pieces`, calls `far` and `says` something; without a `far` b is an end as a is, but all ours.

    A `FarEnd` is used up: the scene can be played once with it, and again and again with a function that makes one.
    """
    payloads = offered(says)
    ours = Program(host="a", file="end.py", arguments=terms("a", pieces=pieces, says=len(payloads), **more))
    if far is None:
        theirs: Acting | Program = Program(host="b", file="end.py", arguments=terms("b"))
    else:
        theirs = Acting(host="b", make=(lambda: far) if isinstance(far, FarEnd) else far)
    ports = [Port(host="a", offers=payloads, reader=reader)]
    if far is None:
        ports.append(Port(host="b"))
    return Scene(
        name=name,
        topology=partial(Tcp, **link),
        programs=(ours, theirs),
        ports=tuple(ports),
        classify=classify,
        limits=Limits(time=int(seconds * SECOND), real_seconds=60.0),
    )


def with_the_kernel(
    ours: bytes,
    theirs: bytes,
    *,
    name: str = "kernel",
    readers: tuple[Reader, Reader] = (AT_ONCE, AT_ONCE),
    link: Mapping[str, Any] = {},
    seconds: float = 60.0,
    **more: Any,
) -> Scene:
    """Host a, with all your pieces, and host b, whose TCP/IP is the kernel's on Mininet and ours on sim; both talk."""
    mine, its = offered(ours), offered(theirs)
    return Scene(
        name=name,
        topology=partial(Kernel, **link),
        programs=(
            Program(host="a", file="end.py", arguments=terms("a", pieces=ALL, says=len(mine), **more)),
            Program(host="b", file="kernel_end.py", arguments=terms("b", says=len(its), **more)),
        ),
        ports=(Port(host="a", offers=mine, reader=readers[0]), Port(host="b", offers=its, reader=readers[1])),
        classify=classify,
        limits=Limits(time=int(seconds * SECOND)),
    )


QUESTIONS = tuple(f"Who plays for {team}?".encode() for team in ("Herons", "雪豹", "Understudies"))

APPLICATION = Scene(
    name="application",
    topology=Tcp,
    programs=(
        Program(host="a", file="teams.py", arguments=terms("a", pieces=ALL)),
        Program(host="b", file="players.py", arguments=terms("b", pieces=ALL, isn=5_000)),
    ),
    ports=(
        Port(host="a", offers=tuple(Offering(q, n * SECOND) for n, q in enumerate(QUESTIONS)), enough=len(QUESTIONS)),
    ),
    classify=classify,
)


_PRINTED = random.Random("the bytes that `lab run` shows")


def shown(name: str, count: int, *faults: str, pieces: Sequence[str] = ALL, **more: Any) -> Scene:
    """A scene for `lab run`: a sends `count` bytes with your pieces, and b, which reads them, is all ours."""
    return caller(None, noise(count, _PRINTED), pieces, name=name, **more).scripted(*faults)


HELLO = shown("hello", 4_000)
LOSS = shown("loss", 60_000, "drop a-b:data:14")


def _moody() -> FarEnd:
    """Says something, has a small buffer, and is at lunch from 0.09 s to 2.2 s."""
    says = noise(30_000, random.Random("what the moody one says"))
    lunch = ((90 * MILLISECOND, 2_200 * MILLISECOND),)
    return FarEnd(says=says, settings=settings(receive_buffer=9_000), pauses=lunch, speaks_at=300 * MILLISECOND)


TROUBLE = caller(
    _moody,
    noise(40_000, _PRINTED),
    ALL,
    name="trouble",
    reader=Reader(every=12 * MILLISECOND, pauses=((400 * MILLISECOND, 900 * MILLISECOND),)),
    settings={"receive_buffer": 8_000},
    most=300,
).scripted("drop a-b:data:5", "drop b-a:data:3", "drop a-b:fin:1")
KERNEL = with_the_kernel(noise(60_000, _PRINTED), noise(60_000, _PRINTED), link={"loss": 1})

SCENES = {scene.name: scene for scene in (HELLO, LOSS, TROUBLE, KERNEL, APPLICATION)}
