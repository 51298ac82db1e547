"""Credit: the receiver says how much more it can take, and the sender never sends beyond that.

The receiver has room for `capacity` messages between the wire and the reader. It grants the sender numbers up to a
*limit*: what the reader has consumed plus the capacity. The limit travels as a credit, counted from the number that an
acknowledgement asks for, and it never moves back. When the reader stops, the credit sinks to nothing: the zero window.

Two things follow. When the reader goes on, the receiver must say so unasked, for nobody will ask; it does as soon as
half of its room is free again, not for every message (RFC 9293, 3.8.6.2.2, on silly windows). And since that message
may be lost, a sender without credit must ask now and then: it *probes*, at first after `probe_after` seconds, then at
doubling distance up to a minute (RFC 9293, 3.8.6.1). Without the probe, one lost message would end the conversation.

What always holds: no number at or beyond the limit is sent; at most `capacity` messages wait at the receiver.

Prior art: the credit of Walden's 1972 host protocol, and TCP's window. Left out: taking a grant back.
"""

from dataclasses import dataclass, field

from netstack.flow.messages import Ack, Probe
from netstack.flow.sequence import add, before, distance

LONGEST_PAUSE = 60.0


@dataclass(slots=True, kw_only=True)
class Granter:
    """The receiver's side: turns what the reader has consumed into credit."""

    capacity: int
    first: int = 0
    _consumed: int = 0
    _told: int = field(init=False)

    def __post_init__(self) -> None:
        self._told = self.limit

    @property
    def limit(self) -> int:
        """The first number that the sender may not send."""
        return add(self.first, self._consumed + self.capacity)

    def consumed(self, total: int) -> None:
        """The reader has read `total` messages so far."""
        self._consumed = total

    def ack(self, wanted: int) -> Ack:
        """The acknowledgement to send now, when `wanted` is the next number wanted."""
        self._told = self.limit
        return Ack(wanted, distance(wanted, self.limit))

    def worth_telling(self) -> bool:
        """Whether the reader has freed so much room since the last acknowledgement that the sender must hear of it."""
        return distance(self._told, self.limit) * 2 >= self.capacity


@dataclass(slots=True, kw_only=True)
class Spender:
    """The sender's side: knows the limit, and asks when it has stood still for too long. Times are seconds."""

    probe_after: float
    limit: int
    _probe_at: float | None = None
    _pause: float = 0.0

    def may_send(self, number: int) -> bool:
        """Whether there is credit for `number`."""
        return before(number, self.limit)

    def receive(self, ack: Ack) -> None:
        """Take in an acknowledgement; one that was overtaken by a later one changes nothing."""
        granted = add(ack.number, ack.credit)
        if before(self.limit, granted):
            self.limit = granted
            self._probe_at = None

    def blocked(self, *, now: float) -> None:
        """The sender has something to send, nothing under way, and no credit: start the probe timer if it is not."""
        if self._probe_at is None:
            self._pause = self.probe_after
            self._probe_at = now + self._pause

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        return self._probe_at

    def handle_timer(self, *, now: float) -> Probe | None:
        """Return a probe, if its time has come; the next one comes after twice as long."""
        if self._probe_at is None or now < self._probe_at:
            return None
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self._probe_at = now + self._pause
        return Probe(self.limit)
