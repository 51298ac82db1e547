"""Episodes of trouble: when a loss is news, and when it belongs to the one before.

A window's worth of segments may lose several; the congestion window must shrink once for all of them. So an episode
lasts until everything that had been sent when it began is acknowledged: RFC 6582's *recover* and RFC 6675's
*RecoveryPoint*. In a *recovery* the window stands still while the gaps are mended. After a *timeout* it grows again
from one segment, and what was lost goes out as it grows.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from netstack.tcp.congestion import Congestion
from netstack.tcp.flight import Flight
from netstack.tcp.loss import Detector, DuplicateAcks, Report


@dataclass(slots=True, kw_only=True)
class Recovery:
    """Keeps the congestion window and the detector of one connection. Sizes are bytes, times seconds."""

    mss: int
    make_congestion: Callable[[int], Congestion]
    detector: Detector
    recover: int
    """The end of the present episode, or of the last one."""
    congestion: Congestion = field(init=False)
    episode: Literal["", "recovery", "timeout"] = ""
    at_once: bool = False
    """The next lost segment goes whatever the window says (RFC 6675, 5, step 4.3)."""

    def __post_init__(self) -> None:
        self.congestion = self.make_congestion(self.mss)

    def begin(self, mss: int) -> None:
        """The segment size has been agreed on; forget what was assumed."""
        self.mss, self.congestion = mss, self.make_congestion(mss)

    def room(self, flight: Flight) -> int:
        """How many bytes the path may take now."""
        return self.congestion.window - flight.pipe(self.mss)

    def holds_back(self, in_flight: int) -> bool:
        """Whether the congestion window is what limits the sender: only then may it grow (RFC 9438, 5.8)."""
        return in_flight + self.mss > self.congestion.window or self.congestion.window >= 2**30

    def advanced(self, unacknowledged: int) -> None:
        """All before `unacknowledged` has arrived: an episode may be over."""
        if self.episode and unacknowledged >= self.recover:
            self.episode, self.at_once = "", False

    def judge(self, flight: Flight, report: Report, *, unacknowledged: int, following: int, now: float) -> None:
        """Let the detector look; begin an episode if something is lost that belongs to none."""
        before = flight.lost
        self.detector.acknowledged(flight, report, now=now)
        self.found(flight, before, unacknowledged=unacknowledged, following=following, now=now)

    def found(self, flight: Flight, before: int, *, unacknowledged: int, following: int, now: float) -> None:
        """There may be more lost records than the `before` of a moment ago."""
        if flight.lost <= before:
            return
        if not self.episode and self.congested(flight, unacknowledged=unacknowledged, following=following, now=now):
            self.episode = "recovery"
        self.at_once = self.episode == "recovery"

    def congested(self, flight: Flight, *, unacknowledged: int, following: int, now: float) -> bool:
        """Slow down, unless that was done for what is under way now (RFC 6582, 3.2; RFC 3168, 6.1.2); return which."""
        if unacknowledged < self.recover:
            return False
        self.congestion.lost(flight.outstanding, now=now)
        self.recover = following
        return True

    def timed_out(self, flight: Flight, *, following: int, now: float) -> None:
        """The retransmission timer went off."""
        if self.episode != "timeout":
            self.congestion.timed_out(flight.outstanding, now=now)
        self.episode, self.recover, self.at_once = "timeout", following, False
        flight.lose_all()

    def without_sack(self) -> None:
        """The other side does not acknowledge selectively."""
        self.detector = DuplicateAcks()
