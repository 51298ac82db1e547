"""Timestamps: each segment says when it was sent, and which stamp it has seen last (RFC 7323, 3 to 5).

Two uses: the echo of a stamp measures a round trip even of what was sent twice; and a segment with a stamp older than
one that has already been seen is an old duplicate, however well its number fits (PAWS: protection against wrapped
sequences). The clock ticks in milliseconds, as Linux's does, from a start of its own for each connection.
"""

from dataclasses import dataclass

from netstack.flow.sequence import before

TICKS = 1000
OUTDATED = 24 * 24 * 3600.0  # RFC 7323 (5.5): a remembered stamp that is older says nothing any more


@dataclass(slots=True)
class Timestamps:
    """One connection's stamps. `offset` is where its clock begins; times are seconds."""

    offset: int = 0
    recent: int = 0
    """TS.Recent: what the next segment echoes."""
    _recent_at: float | None = None

    def value(self, now: float) -> int:
        """The stamp of a segment that is sent now."""
        return (self.offset + int(now * TICKS)) % 2**32

    def is_old(self, stamp: int, *, now: float) -> bool:
        """Whether a segment with this stamp is an old duplicate (RFC 7323, 5.3, R1)."""
        if self._recent_at is None or now - self._recent_at > OUTDATED:
            return False
        return before(stamp, self.recent)

    def remember(self, stamp: int, *, now: float) -> None:
        """Echo `stamp` from now on; the caller has seen that its segment is the right one (RFC 7323, 4.3)."""
        if self._recent_at is None or not before(stamp, self.recent) or now - self._recent_at > OUTDATED:
            self.recent, self._recent_at = stamp, now

    def round_trip(self, echo: int, *, now: float) -> float | None:
        """What an echo measures, in seconds; None if it echoes nothing of ours."""
        ticks = (self.value(now) - echo) % 2**32
        return ticks / TICKS if echo and ticks < 2**31 else None
