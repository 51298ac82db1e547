"""Two ways of asking when nothing comes: has the window opened, and has the last segment arrived?

Both are timers that send something only to be answered. Times are seconds.
"""

from dataclasses import dataclass

SLOWEST_ACK = 0.2  # RFC 8985 (7.2), WCDelAckT: a receiver may hold the acknowledgement of a single segment back
MOST_DOUBLINGS = 10  # by then the longest timeout is what counts


@dataclass(slots=True)
class Persist:
    """While nothing can go but by the window's opening: ask for it, ever more rarely, for ever (RFC 9293, 3.8.6.1)."""

    at: float | None = None
    """When to ask next."""
    _asked: int = 0

    def watch(self, *, is_stuck: bool, timeout: float, now: float) -> None:
        """Start when only the window could let us go on; stop when it has."""
        if not is_stuck:
            self.at, self._asked = None, 0
        elif self.at is None:
            self.at = now + timeout

    def ask(self, *, timeout: float, longest: float, now: float) -> bool:
        """Whether it is time to ask; the next time comes after twice as long."""
        if self.at is None or now < self.at:
            return False
        self._asked = min(self._asked + 1, MOST_DOUBLINGS)
        self.at = now + min(timeout * 2**self._asked, longest)
        return True


@dataclass(slots=True)
class TailProbe:
    """Once, before the retransmission timer: what has become of the last segment? (RFC 8985, 7.)"""

    enabled: bool
    at: float | None = None
    """When to probe."""
    _probed: bool = False

    def schedule(self, *, segments: int, smoothed: float | None, before: float | None, now: float) -> None:
        """`segments` are under way and nothing is known to be wrong with them; `before`: the retransmission timer."""
        self.at = None
        if self.enabled and not self._probed and segments and smoothed is not None:
            when = now + 2 * smoothed + (SLOWEST_ACK if segments == 1 else 0)
            self.at = when if before is None or when < before else None

    def is_due(self, *, now: float) -> bool:
        """Whether to probe now."""
        return self.at is not None and now >= self.at

    def sent(self) -> None:
        """One is enough, until something is acknowledged."""
        self.at, self._probed = None, True

    def advanced(self) -> None:
        """Something has been acknowledged."""
        self._probed = False
