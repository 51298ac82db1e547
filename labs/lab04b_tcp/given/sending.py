"""How your sender, or your timer, stands in our connection where our own would.

Our own `Sender` (`netstack/tcp/sender.py`) has five timers and some thirty attributes, of which a `Connection` uses
many. What it asks of *yours* is this, in plain numbers, and `Sending` makes the rest of it:

    write(data), close()                                       what the user does
    acknowledge(number, window, bare=…, now=…)                 what the other side says
    segments(now=…) -> list[Segment]                           what must or may go now
    next_timer(), handle_timer(now=…)                          time
    next, unacknowledged, unsent                               where it stands

The handshake is not your affair: the SYN is sent, and repeated, by ours. Yours begins when it has been acknowledged.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from receiving import Locate

from netstack.flow.sequence import MODULUS
from netstack.tcp.flight import Sent
from netstack.tcp.rtt import RoundTrip


class OurSender:
    """Our sender, with your `position`. It is ours in all but which number is acknowledged."""

    def __init__(self, ours: Any, locate: Locate) -> None:
        self.__dict__.update(_ours=ours, _locate=locate)

    def receive(self, ack: Any, *, now: float) -> None:
        number = self._locate(ack.number % MODULUS, self.next)
        self._ours.receive(type(ack)(number=number, window=ack.window, sequence=ack.sequence, bare=ack.bare), now=now)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ours, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._ours, name, value)


@dataclass(slots=True, kw_only=True)
class Timing(RoundTrip):
    """Our `RoundTrip`, which knows more than yours has to, with the timeout of yours."""

    yours: Any

    @property
    def timeout(self) -> float:
        return self.yours.timeout

    def sample(self, seconds: float) -> None:
        RoundTrip.sample(self, seconds)
        self.yours.sample(seconds)

    def back_off(self) -> None:
        self.yours.back_off()

    def syn_was_lost(self) -> None:
        """RFC 6298 (5.7) is not asked of yours."""


@dataclass(slots=True, kw_only=True, eq=False)
class Sending:
    """The sending half of a connection: our own for the SYN, then yours, which `make(first, mss)` makes."""

    ours: Any
    make: Callable[[int, int], Any]
    capacity: int
    closed: bool = False
    failed: bool = False
    nagle: bool = True
    window: int = 0
    widest: int = 0
    _yours: Any = None
    _early: bytearray = field(default_factory=bytearray)  # written before the handshake was over
    _fin_end: int | None = None

    # Of the handshake, and of what yours does not take part in

    def agree_on(self, mss: int, *, sack: bool) -> None:
        self.ours.agree_on(mss, sack=sack)

    def open(self) -> None:
        self.ours.open()

    def repeat_syn(self) -> None:
        self.ours.repeat_syn()

    @property
    def recovery(self) -> Any:
        return self.ours.recovery

    # Where it stands

    @property
    def first(self) -> int:
        return self.ours.first

    @property
    def is_opening(self) -> bool:
        return self._yours is None

    @property
    def next(self) -> int:
        return self.ours.next if self._yours is None else self._yours.next

    @property
    def unacknowledged(self) -> int:
        return self.ours.unacknowledged if self._yours is None else self._yours.unacknowledged

    @property
    def flight(self) -> bool:
        return self.next > self.unacknowledged

    @property
    def unsent(self) -> int:
        return len(self._early) if self._yours is None else self._yours.unsent

    @property
    def room(self) -> int:
        return max(0, self.capacity - self.unsent - (self.next - self.unacknowledged))

    @property
    def fin_acknowledged(self) -> bool:
        return self._fin_end is not None and self.unacknowledged >= self._fin_end

    # What the user does

    def write(self, data: bytes | memoryview) -> int:
        taken = bytes(data[: self.room])
        if self._yours is None:
            self._early += taken
        else:
            self._yours.write(taken)
        return len(taken)

    def close(self) -> None:
        self.closed = True
        if self._yours is not None:
            self._yours.close()

    # What comes, what goes, and time

    def receive(self, ack: Any, *, now: float) -> None:
        self.window, self.widest = ack.window, max(self.widest, ack.window)
        if self._yours is None:
            self.ours.receive(ack, now=now)
            if self.ours.is_opening:
                return
            self._begin()
        self._yours.acknowledge(ack.number, ack.window, bare=ack.bare, now=now)

    def _begin(self) -> None:
        self._yours = self.make(self.ours.next, self.ours.mss)
        if self._early:
            self._yours.write(bytes(self._early))
        if self.closed:
            self._yours.close()

    def segments(self, *, now: float) -> Iterator[Sent]:
        if self._yours is None:
            yield from self.ours.segments(now=now)
            return
        for segment in self._yours.segments(now=now):
            if segment.fin:
                self._fin_end = segment.end
            yield Sent(segment.start, segment.payload, now, fin=segment.fin, push=bool(segment.payload))

    def next_timer(self) -> float | None:
        return self.ours.next_timer() if self._yours is None else self._yours.next_timer()

    def handle_timer(self, *, now: float) -> None:
        if self._yours is not None:
            self._yours.handle_timer(now=now)
            due = self._yours.next_timer()
            if due is not None and due <= now:
                raise RuntimeError(
                    f"handle_timer(now={now}) has been called, and next_timer() still says {due}: a loop"
                )
        else:
            self.ours.handle_timer(now=now)
            self.failed = self.ours.failed
