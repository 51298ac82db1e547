"""Credit: the receiver says how much more it can take, and the sender never sends beyond that.

So far there is no limit: the receiver grants whatever fits into the header, and the sender does not even look. The
handout, step 4, says what to write.
"""

from netstack.flow.messages import Ack, Probe
from netstack.flow.sequence import HALF, add

LONGEST_PAUSE = 60.0  # seconds between two probes, at most


class Granter:
    """The receiver's side: turns what the reader has consumed into credit."""

    def __init__(self, *, capacity: int, first: int = 0) -> None:
        self.capacity = capacity
        self.first = first

    @property
    def limit(self) -> int:
        """The first number that the sender may not send."""
        return add(self.first, HALF - 1)

    def consumed(self, total: int) -> None:
        """The reader has read `total` messages so far."""

    def ack(self, wanted: int) -> Ack:
        """Return the acknowledgement to send now, when `wanted` is the next number wanted."""
        return Ack(wanted, 65535)

    def worth_telling(self) -> bool:
        """Whether so much room has become free since the last acknowledgement that the sender must hear of it."""
        return False


class Spender:
    """The sender's side: knows the limit, and asks when it has stood still for too long. Times are seconds."""

    def __init__(self, *, probe_after: float, limit: int) -> None:
        self.probe_after = probe_after
        self.limit = limit

    def may_send(self, number: int) -> bool:
        """Whether there is credit for `number`."""
        return True

    def receive(self, ack: Ack) -> None:
        """Take in an acknowledgement, which may raise the limit, and never lowers it."""

    def blocked(self, *, now: float) -> None:
        """There is something to send, nothing under way, and no credit: start the probe timer, if it is not running."""

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called; None for never."""
        return None

    def handle_timer(self, *, now: float) -> Probe | None:
        """Return a probe, if its time has come; the next one comes after twice as long."""
        return None
