"""Credit: the receiver says how much more it can take, and the sender never sends beyond that."""

from netstack.flow.messages import Ack, Probe
from netstack.flow.sequence import add, before, distance

LONGEST_PAUSE = 60.0  # seconds between two probes, at most


class Granter:
    """The receiver's side: turns what the reader has consumed into credit."""

    def __init__(self, *, capacity: int, first: int = 0) -> None:
        self.capacity = capacity
        self.first = first
        self._consumed = 0
        self._told = self.limit

    @property
    def limit(self) -> int:
        """The first number that the sender may not send."""
        return add(self.first, self._consumed + self.capacity)

    def consumed(self, total: int) -> None:
        """The reader has read `total` messages so far."""
        self._consumed = total

    def ack(self, wanted: int) -> Ack:
        """Return the acknowledgement to send now, when `wanted` is the next number wanted."""
        self._told = self.limit
        return Ack(wanted, distance(wanted, self._told))

    def worth_telling(self) -> bool:
        """Whether so much room has become free since the last acknowledgement that the sender must hear of it."""
        return 2 * distance(self._told, self.limit) >= self.capacity


class Spender:
    """The sender's side: knows the limit, and asks when it has stood still for too long. Times are seconds."""

    def __init__(self, *, probe_after: float, limit: int) -> None:
        self.probe_after = probe_after
        self.limit = limit
        self._waiting = 0
        self._pause = probe_after
        self._deadline = 0.0

    def may_send(self, number: int) -> bool:
        """Whether there is credit for `number`."""
        return before(number, self.limit)

    def receive(self, ack: Ack) -> None:
        """Take in an acknowledgement, which may raise the limit, and never lowers it."""
        new = add(ack.number, ack.credit)
        if before(self.limit, new):
            self.limit = new
            self._waiting = 0

    def blocked(self, *, now: float) -> None:
        """There is something to send, nothing under way, and no credit: start the probe timer, if it is not running."""
        if not self._waiting:
            self._waiting = 1
            self._pause = self.probe_after
            self._deadline = now + self._pause

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called; None for never."""
        if not self._waiting:
            return None
        return self._deadline

    def handle_timer(self, *, now: float) -> Probe | None:
        """Return a probe, if its time has come; the next one comes after twice as long."""
        if not self._waiting or now < self._deadline:
            return None
        self._pause = self._pause * 2
        if self._pause > LONGEST_PAUSE:
            self._pause = LONGEST_PAUSE
        self._deadline = now + self._pause
        return Probe(self.limit)
