"""Congestion control: how much may be under way, whatever the receiver could take (RFC 5681).

A `Congestion` is told what happens and keeps one number, `window`, in bytes. It begins small and grows by what is
acknowledged (*slow start*, doubling each round trip) until it reaches `threshold`; from there it grows gently. A loss
halves it, or the like; a timeout sends it back to one segment. `NewReno` here is the standard; `cubic` is the other.

Which segments are lost, and which to send again, is not decided here (see `loss`); nor how many are under way
(`flight`). So an algorithm is thirty lines, and a student's takes the place of ours.
"""

from dataclasses import dataclass, field
from typing import Protocol

UNLIMITED = 1 << 40


def slow_start(count: int, mss: int, threshold: int) -> int:
    """How much the window grows below the threshold, when `count` bytes are acknowledged (RFC 3465, 2.2 and 2.3).

    By as much, but never by a burst: two segments for each acknowledgement; one, after a loss has set the threshold.
    """
    return min(count, 2 * mss if threshold == UNLIMITED else mss)


class Congestion(Protocol):
    """One connection's congestion control. Sizes are bytes, times seconds."""

    window: int

    def __init__(self, mss: int, initial: int) -> None: ...

    def acknowledged(self, count: int, *, round_trip: float, now: float) -> None:
        """`count` bytes have newly been acknowledged, and the window was what held the sender back."""
        ...

    def lost(self, in_flight: int, *, now: float) -> None:
        """Something was lost, or marked as congested; said once for all that one window loses (RFC 6582's recover)."""
        ...

    def timed_out(self, in_flight: int, *, now: float) -> None:
        """The retransmission timer went off; said at the first of several in a row."""
        ...

    def idled(self) -> None:
        """Nothing was sent for longer than a timeout (RFC 5681, 4.1)."""
        ...


@dataclass(slots=True)
class NewReno:
    """RFC 5681's additive increase and multiplicative decrease; `initial` is the first window."""

    mss: int
    initial: int
    window: int = field(init=False)
    threshold: int = UNLIMITED
    _towards_next: int = 0

    def __post_init__(self) -> None:
        self.window = self.initial

    def acknowledged(self, count: int, *, round_trip: float, now: float) -> None:
        """Slow start below the threshold; above it one segment per window's worth of acknowledgements."""
        if self.window < self.threshold:
            self.window += slow_start(count, self.mss, self.threshold)
            return
        self._towards_next += count
        if self._towards_next >= self.window:
            self._towards_next -= self.window
            self.window += self.mss

    def lost(self, in_flight: int, *, now: float) -> None:
        """Halve (RFC 5681, equation 4)."""
        self.threshold = max(in_flight // 2, 2 * self.mss)
        self.window, self._towards_next = self.threshold, 0

    def timed_out(self, in_flight: int, *, now: float) -> None:
        """Back to one segment (RFC 5681, 3.1)."""
        self.threshold = max(in_flight // 2, 2 * self.mss)
        self.window, self._towards_next = self.mss, 0

    def idled(self) -> None:
        """What was learned of the path is no longer true: begin anew, with the old threshold."""
        self.window = min(self.window, self.initial)
