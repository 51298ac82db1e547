"""Hosts that the judge plays itself, so that two wrong ends cannot agree on a wrong format."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from labs.lab01_wire.kinds import ETHERTYPE
from labs.testbed.scene import Acting, Send

BROADCAST = b"\xff" * 6
SMALLEST = 60

Timed = tuple[int, bytes]
"""When a frame is to be sent (nanoseconds), and the frame."""


def address(host: int) -> bytes:
    """The address of the first card of host number `host`, as the testbed gives them out."""
    return bytes((2, 0, 0, 0, host, 0))


def ethernet(source: bytes, destination: bytes, message: bytes, *, ethertype: int = ETHERTYPE) -> bytes:
    """A frame with `message` in it, as long as the message makes it."""
    return destination + source + ethertype.to_bytes(2, "big") + message


def padded(frame: bytes, filling: bytes = b"\0") -> bytes:
    """`frame`, filled up to the least that Ethernet carries."""
    return frame.ljust(SMALLEST, filling)


def _silence(frame: bytes, now: int) -> Iterable[Timed]:
    return ()


@dataclass(slots=True)
class Scripted:
    """A peer on link 0 that sends `opening`, and answers each frame with what `respond(frame, now)` says."""

    opening: Iterable[Timed] = ()
    respond: Callable[[bytes, int], Iterable[Timed]] = _silence
    _waiting: list[tuple[int, int, bytes]] = field(default_factory=list)
    _count: int = 0

    def __post_init__(self) -> None:
        self._plan(self.opening)

    def receive(self, link: int, frame: bytes, *, now: int) -> Iterable[Send]:
        self._plan(self.respond(frame, now))
        return ()

    def next_timer(self) -> int | None:
        return self._waiting[0][0] if self._waiting else None

    def handle_timer(self, *, now: int) -> Iterator[Send]:
        while self._waiting and self._waiting[0][0] <= now:
            yield Send(0, heapq.heappop(self._waiting)[2])

    def _plan(self, frames: Iterable[Timed]) -> None:
        for at, frame in frames:
            self._count += 1  # frames of one moment go in the order in which they were planned
            heapq.heappush(self._waiting, (at, self._count, frame))


def acting(
    host: str, opening: Iterable[Timed] = (), respond: Callable[[bytes, int], Iterable[Timed]] = _silence
) -> Acting:
    """`host`, played by the judge."""
    frames = tuple(opening)
    return Acting(host=host, make=lambda: Scripted(frames, respond))
