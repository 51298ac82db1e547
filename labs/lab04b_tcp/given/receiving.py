"""How your receiver stands in our connection where our own would.

A `Connection` (`netstack/tcp/connection.py`) expects rather much of its receiving half: a queue for the user, blocks
for selective acknowledgements, windows before the handshake is over. None of that is worth your time, so it is here,
and what you write stays small.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from netstack.flow.sequence import MODULUS

Locate = Callable[[int, int], int]
"""The position that a 32-bit number stands for, near another position: your `position`, or ours."""


class OurReceiver:
    """Our receiver, with your `position`. It is ours in all but where a segment begins."""

    def __init__(self, ours: Any, locate: Locate) -> None:
        self.__dict__.update(_ours=ours, _locate=locate)

    def receive(self, start: int, payload: bytes, fin: bool, *, now: float) -> None:
        self._ours.receive(self._locate(start % MODULUS, self.wanted), payload, fin, now=now)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ours, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._ours, name, value)


@dataclass(slots=True, kw_only=True)
class Receiving:
    """The receiving half of a connection around your `Receiver`, which `make` makes once the first number is known."""

    make: Callable[[int], Any]
    capacity: int
    locate: Locate
    scale: int = 0
    _yours: Any = None
    _edge: int = 0  # as the other side was told last
    _ready: deque[bytes] = field(default_factory=deque)
    _unread: int = 0

    def begin(self, first: int) -> None:
        """The other side's SYN has come; ours has announced what a SYN can."""
        self._yours = self.make(first)
        self._edge = first + min(self.capacity, 0xFFFF)

    @property
    def wanted(self) -> int:
        return 0 if self._yours is None else self._yours.wanted

    @property
    def ended(self) -> bool:
        return self._yours is not None and self._yours.ended

    @property
    def ack_at(self) -> float | None:
        return None if self._yours is None else self._yours.ack_at

    @property
    def readable(self) -> int:
        return self._unread

    @property
    def open_window(self) -> int:
        return max(0, self._edge - self.wanted)

    def receive(self, start: int, payload: bytes, fin: bool, *, now: float) -> None:
        ready = self._yours.receive(self.locate(start % MODULUS, self.wanted), payload, fin, now=now)
        if ready:
            self._ready.append(ready)
            self._unread += len(ready)

    def acknowledge(self, now: float) -> None:
        self._yours.acknowledge(now=now)

    def read(self, most: int, *, now: float) -> bytes:
        taken = []
        while most > 0 and self._ready:
            chunk = self._ready.popleft()
            if len(chunk) > most:
                self._ready.appendleft(chunk[most:])
                chunk = chunk[:most]
            taken.append(chunk)
            most -= len(chunk)
        data = b"".join(taken)
        self._unread -= len(data)
        if data:
            self._yours.read(len(data), now=now)
        return data

    def announce(self) -> int:
        window = self._yours.announce(self.scale) << self.scale
        self._edge = self.wanted + window
        return window

    def announce_unscaled(self) -> int:
        """The window of a SYN, before there is a receiver of yours."""
        return min(self.capacity, 0xFFFF)

    def blocks(self) -> list[tuple[int, int]]:
        return []
