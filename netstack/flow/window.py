"""The sliding window: several messages on the way, delivered in order whatever the wire does to their order.

The sender numbers its messages and keeps what is not acknowledged; at most `size` of them. The receiver keeps what came
too early, hands over what is in order, and acknowledges with the number that it wants next, so that one acknowledgement
stands for all before it and the loss of one is mended by the following. There is one timer, for the oldest message
(RFC 6298, 5): when it goes, that message is sent again, and only that one, since the receiver has kept the others.

What always holds: the sender has at most `size` numbers outstanding; the receiver hands over each number once, in
order, and never holds more than `size` early ones. A gap blocks the receiver, which is what makes a window's size
matter: everything behind the gap must find room.

Prior art: Cerf and Kahn, 1974; the retransmission timer is TCP's without its estimator. Left out: a timeout that
learns, selective acknowledgement, and any regard for how fast the reader reads (see `credit`).
"""

from collections import deque
from dataclasses import dataclass, field

from netstack.flow.messages import Ack, Data
from netstack.flow.sequence import add, distance


class WindowFull(Exception):
    """As many messages are under way as the window allows."""


@dataclass(slots=True, kw_only=True)
class Sender:
    """Numbers messages from `first` on, and keeps at most `size` of them under way. Times are seconds."""

    size: int
    timeout: float
    first: int = 0
    _next: int = field(init=False)
    _outstanding: deque[Data] = field(default_factory=deque)
    _resend_at: float | None = None

    def __post_init__(self) -> None:
        self._next = self.first

    @property
    def next_number(self) -> int:
        """The number that the next message will have."""
        return self._next

    @property
    def in_flight(self) -> int:
        """How many messages are sent and not acknowledged."""
        return len(self._outstanding)

    def may_send(self) -> bool:
        return self.in_flight < self.size

    def send(self, payload: bytes, *, now: float) -> Data:
        """Return the message that carries `payload`; raises `WindowFull` when `may_send` is false."""
        if not self.may_send():
            raise WindowFull(f"{self.in_flight} messages are under way")
        data = Data(self._next, payload)
        self._next = add(self._next, 1)
        self._outstanding.append(data)
        if self._resend_at is None:
            self._resend_at = now + self.timeout
        return data

    def receive(self, ack: Ack, *, now: float) -> int:
        """Take in an acknowledgement; return how many messages it newly acknowledges."""
        oldest = add(self._next, -self.in_flight)
        acknowledged = distance(oldest, ack.number)
        if not 0 < acknowledged <= self.in_flight:
            return 0  # An old one, come late; or one for what was never sent.
        for _ in range(acknowledged):
            self._outstanding.popleft()
        # RFC 6298 (5.2, 5.3): progress restarts the timer; nothing outstanding stops it.
        self._resend_at = now + self.timeout if self._outstanding else None
        return acknowledged

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        return self._resend_at

    def handle_timer(self, *, now: float) -> Data | None:
        """Return the oldest message, to be sent again, if its time has come."""
        if self._resend_at is None or now < self._resend_at:
            return None
        self._resend_at = now + self.timeout
        return self._outstanding[0]


@dataclass(slots=True, kw_only=True)
class Receiver:
    """Puts messages into order. Holds at most `size` that came too early; further ones are as good as lost."""

    size: int
    first: int = 0
    _wanted: int = field(init=False)
    _early: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._wanted = self.first

    @property
    def wanted(self) -> int:
        """The number that comes next: all before it have been handed over."""
        return self._wanted

    def receive(self, data: Data) -> list[bytes]:
        """Take in a message; return the payloads that are now in order, oldest first."""
        if 0 <= distance(self._wanted, data.number) < self.size:
            self._early[data.number] = data.payload
        ready = []
        while self._wanted in self._early:
            ready.append(self._early.pop(self._wanted))
            self._wanted = add(self._wanted, 1)
        return ready
