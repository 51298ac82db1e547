"""CUBIC: after a loss, grow quickly back to where it happened, stay there for a while, then explore (RFC 9438).

The window follows W(t) = C·(t - K)³ + W_max, where t counts from the loss and K is when W_max is reached again. So the
growth depends on time and hardly on the round-trip time, which is why long paths fare better than with NewReno. Where
NewReno would be faster (short round trips) its window is followed instead: the *Reno-friendly region*.

Windows are reckoned in segments here, as the RFC does. Left out: HyStart, which ends slow start early.
"""

from dataclasses import dataclass, field

from netstack.tcp.congestion import UNLIMITED, slow_start

C = 0.4  # RFC 9438 (5): segments per second cubed
BETA = 0.7  # what is left after a loss
ALPHA = 3 * (1 - BETA) / (1 + BETA)  # RFC 9438 (4.3): what makes the Reno-friendly estimate as fast as NewReno


@dataclass(slots=True)
class Cubic:
    """RFC 9438. Sizes are bytes, times seconds."""

    mss: int
    initial: int
    window: int = field(init=False)
    threshold: int = UNLIMITED
    _prior: float = 0.0  # cwnd_prior: the window before it was last reduced
    _largest: float = 0.0  # W_max
    _origin: float | None = None  # when the present epoch of growth began
    _until_largest: float = 0.0  # K
    _friendly: float = 0.0  # W_est
    _fraction: float = 0.0  # of a byte, earned and not yet added

    def __post_init__(self) -> None:
        self.window = self.initial

    def acknowledged(self, count: int, *, round_trip: float, now: float) -> None:
        """Slow start as everybody, then along the curve."""
        if self.window < self.threshold:
            self.window += slow_start(count, self.mss, self.threshold)
            return
        if self._origin is None:
            self._begin(now)
        assert self._origin is not None
        segments, acknowledged = self.window / self.mss, count / self.mss
        self._friendly += (1.0 if self._friendly >= self._prior else ALPHA) * acknowledged / segments
        ahead = now - self._origin + round_trip - self._until_largest
        target = C * ahead**3 + self._largest
        # RFC 9438 (4.4, 4.5): towards the target of one round trip ahead, never by more than half of the window
        growth = (min(max(target, segments), 1.5 * segments) - segments) / segments * acknowledged
        grown = max(segments + growth, self._friendly)
        self._fraction += (grown - segments) * self.mss
        whole = int(self._fraction)
        self.window += whole
        self._fraction -= whole

    def _begin(self, now: float) -> None:
        segments = self.window / self.mss
        self._origin, self._friendly = now, segments
        self._largest = max(self._largest, segments)
        self._until_largest = ((self._largest - segments) / C) ** (1 / 3)

    def _reduce(self) -> None:
        segments = self._prior = self.window / self.mss
        # RFC 9438 (4.7), fast convergence: whoever loses below the last peak leaves room for newcomers.
        self._largest = segments * (1 + BETA) / 2 if segments < self._largest else segments
        self.threshold = max(int(self.window * BETA), 2 * self.mss)
        self._origin, self._fraction = None, 0.0

    def lost(self, in_flight: int, *, now: float) -> None:
        """Keep seven tenths (RFC 9438, 4.6)."""
        self._reduce()
        self.window = self.threshold

    def timed_out(self, in_flight: int, *, now: float) -> None:
        """Back to one segment; above the threshold the curve begins anew, from its plateau (RFC 9438, 4.8)."""
        self._reduce()
        self.window, self._largest = self.mss, 0.0

    def idled(self) -> None:
        """Begin anew (RFC 5681, 4.1), and count no idle time as growth (RFC 9438, 5.8)."""
        self.window = min(self.window, self.initial)
        self._origin = None
