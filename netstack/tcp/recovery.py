"""Episodes of trouble: when a loss is news, and when it belongs to the one before.

A window's worth of segments may lose several; the congestion window must shrink once for all of them. So an episode
lasts until everything that had been sent when it began is acknowledged: RFC 6582's *recover* and RFC 6675's
*RecoveryPoint*. In a *recovery* the window stands still while the gaps are mended. After a *timeout* it grows again
from one segment, and what was lost goes out as it grows.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from netstack.tcp.congestion import Congestion
from netstack.tcp.flight import Flight
from netstack.tcp.loss import Detector, DuplicateAcks, Episode, Report


@dataclass(slots=True, kw_only=True)
class Recovery:
    """Keeps the congestion window and the detector of one connection. Sizes are bytes, times seconds.

    Where a method asks for them, `unacknowledged` and `following` are SND.UNA and SND.NXT, and `in_flight` is how much
    was under way when the trouble showed.
    """

    mss: int
    make_congestion: Callable[[int], Congestion]
    detector: Detector
    recover: int
    """The end of the present episode, or of the last one."""
    congestion: Congestion = field(init=False)
    episode: Episode = ""
    at_once: bool = False
    """The next lost segment goes whatever the window says (RFC 6675, 5, step 4.3; RFC 6582, 3.2, steps 2 and 3)."""
    slowed: bool = False
    """The window was reduced, and the other side has not been told yet (RFC 3168, 6.1.2: CWR)."""

    def __post_init__(self) -> None:
        self.congestion = self.make_congestion(self.mss)

    def begin(self, mss: int) -> None:
        """The segment size has been agreed on; forget what was assumed, and what the handshake went through."""
        self.mss, self.congestion = mss, self.make_congestion(mss)
        self.episode, self.at_once, self.slowed = "", False, False

    def room(self, flight: Flight) -> int:
        """How many bytes the path may take now: a segment at least, when nothing is under way."""
        pipe = flight.pipe(self.mss)
        return self.congestion.window - pipe if pipe else max(self.congestion.window, self.mss)

    def advanced(self, unacknowledged: int) -> None:
        """All before `unacknowledged` has arrived: an episode may be over."""
        if self.episode and unacknowledged >= self.recover:
            self.episode, self.at_once = "", False

    def judge(
        self, flight: Flight, report: Report, *, unacknowledged: int, following: int, in_flight: int, now: float
    ) -> None:
        """Let the detector look at what an acknowledgement told."""
        before = flight.lost
        self.detector.acknowledged(flight, report, now=now)
        if flight.lost > before:
            self.at_once = self.episode == "recovery" and report.advanced
            self._found(unacknowledged=unacknowledged, following=following, in_flight=in_flight, now=now)

    def handle_timer(self, flight: Flight, *, unacknowledged: int, following: int, now: float) -> None:
        """Let the detector look at what has become of the waiting."""
        before = flight.lost
        self.detector.handle_timer(flight, now=now)
        if flight.lost > before:
            self._found(unacknowledged=unacknowledged, following=following, in_flight=flight.outstanding, now=now)

    def _found(self, *, unacknowledged: int, following: int, in_flight: int, now: float) -> None:
        """Something is lost: begin an episode, unless one is going on."""
        if self.episode:
            return
        if unacknowledged >= self.recover:  # else the window was reduced for this flight already, by a mark
            self._slow_down(in_flight, now=now)
        self.episode, self.recover, self.at_once = "recovery", following, True

    def congested(self, *, unacknowledged: int, following: int, in_flight: int, now: float) -> None:
        """The other side echoes a congested router's mark: slow down, once per window of data (RFC 3168, 6.1.2)."""
        # It stops only when our CWR arrives, with what was sent first after slowing down: from `recover` on.
        if unacknowledged > self.recover:
            self._slow_down(in_flight, now=now)
            self.recover = following

    def _slow_down(self, in_flight: int, *, now: float) -> None:
        # RFC 5681 (3.2, step 2): what limited transmit has sent beyond the window does not count.
        self.congestion.lost(min(in_flight, self.congestion.window), now=now)
        self.slowed = True

    def timed_out(self, flight: Flight, *, following: int, now: float) -> None:
        """The retransmission timer went off."""
        if self.episode != "timeout":
            self.congestion.timed_out(flight.outstanding, now=now)
        self.episode, self.recover, self.at_once, self.slowed = "timeout", following, False, True
        flight.lose_all()

    def without_sack(self) -> None:
        """The other side does not acknowledge selectively."""
        self.detector = DuplicateAcks()
