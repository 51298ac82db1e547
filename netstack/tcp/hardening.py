"""Whom to believe: what protects a connection from segments that are old, or forged by somebody who cannot see it.

A forger has to guess. RFC 5961 makes it guess again when it came near enough to be dangerous without being exact: such
a segment changes nothing, and is answered by a *challenge*, an acknowledgement that the true other side understands.
"""

from dataclasses import dataclass, field

from netstack.packets.tcp import RST, Tcp

CHALLENGES, PERIOD = 10, 5.0  # RFC 5961 (7): so many answers to doubtful segments in so many seconds


@dataclass(slots=True)
class Challenges:
    """Limits the answers to doubtful segments. Each connection has its own: a shared one tells strangers about it."""

    _given: list[float] = field(default_factory=list)

    def allow(self, *, now: float) -> bool:
        """Whether one more may be given; it counts as given."""
        self._given = [when for when in self._given if now - when < PERIOD]
        if len(self._given) >= CHALLENGES:
            return False
        self._given.append(now)
        return True


def is_acceptable(segment: Tcp, sequence: int, *, wanted: int, window: int) -> bool:
    """Whether a segment that begins at the position `sequence` touches the window (RFC 9293, 3.4 and its table 6).

    Differs from the table as Linux does: the number just behind the window will do. It is the one of whatever comes
    from a side that has filled our window, and its acknowledgements are good (RFC 9293, 3.10.7.4, "special allowance").
    """
    if sequence > wanted + window:
        return False
    length = 0 if segment.flags & RST else segment.segment_length
    return sequence + length > wanted if length else sequence >= wanted


def is_believable(number: int, *, unacknowledged: int, following: int, widest: int) -> bool:
    """Whether an acknowledgement can be for something that we have sent (RFC 5961, 5.2)."""
    return unacknowledged - max(widest, 1) <= number <= following
