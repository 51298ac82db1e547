"""How long to wait for an acknowledgement before sending again: RFC 6298, with Karn's rule and Linux's floor.

The round-trip time is smoothed, and so is how far samples stray from it; the timeout is the one plus four times the
other. Each timeout doubles it, until a *new* sample arrives: an acknowledgement of what was sent twice tells nothing,
as nobody knows which of the two it answers (Karn and Partridge, 1987). The caller leaves such samples out.

Differs from the RFC as Linux does: not the timeout has a floor (the RFC's is 1 s), but its second term has one of
0.2 s, which is more than any receiver delays an acknowledgement.
"""

from dataclasses import dataclass, field

ALPHA, BETA = 1 / 8, 1 / 4


@dataclass(slots=True, kw_only=True)
class RoundTrip:
    """Estimates the round-trip time, in seconds, and the timeout that follows from it."""

    least: float = 0.2
    most: float = 120.0
    first: float = 1.0
    smoothed: float | None = None
    variation: float = 0.0
    shortest: float = float("inf")
    _base: float = field(init=False)
    _doubled: int = 0

    def __post_init__(self) -> None:
        self._base = self.first  # RFC 6298 (2.1): one second, as long as nothing is known

    @property
    def timeout(self) -> float:
        """How long to wait now."""
        return min(self._base * (1 << self._doubled), self.most)

    def sample(self, seconds: float) -> None:
        """Take in a measurement; it ends any back-off."""
        if self.smoothed is None:  # RFC 6298 (2.2)
            self.smoothed, self.variation = seconds, seconds / 2
        else:  # RFC 6298 (2.3)
            self.variation += BETA * (abs(self.smoothed - seconds) - self.variation)
            self.smoothed += ALPHA * (seconds - self.smoothed)
        self.shortest = min(self.shortest, seconds)
        self._base = self.smoothed + max(self.least, 4 * self.variation)
        self._doubled = 0

    def back_off(self) -> None:
        """The timer went off: wait twice as long next time (RFC 6298, 5.5)."""
        if self.timeout < self.most:
            self._doubled += 1

    def syn_was_lost(self) -> None:
        """RFC 6298 (5.7): whoever had to repeat a SYN begins with three seconds, as long as nothing is measured."""
        if self.smoothed is None:
            self._base, self._doubled = 3 * self.first, 0
