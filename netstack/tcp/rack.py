"""RACK: what was sent well before something that has arrived is lost (RFC 8985, the recent acknowledgement).

Each record knows when it was last sent. Of all records that are known to have arrived, the one sent last is
remembered. Whatever was sent before that one, and should have been acknowledged a round trip and a little patience
later, is lost. The patience is a quarter of the shortest round trip, for wires that reorder; it is none while no
reordering has been seen and three have arrived out of order. Since it asks for time, retransmissions that are lost
again are found too, which counting never does.

Its companion, the tail loss probe, is the sender's (see `Sender`): when nothing comes back at all, send the last
segment again after two round trips, so that its acknowledgement lets RACK see what is missing.
"""

from dataclasses import dataclass

from netstack.tcp.flight import Flight, Sent
from netstack.tcp.loss import THRESHOLD, Report


@dataclass(slots=True)
class Rack:
    """RFC 8985, section 6. Times are seconds."""

    _sent_at: float = 0.0  # RACK.xmit_ts
    _end: int = 0  # RACK.end_seq
    _round_trip: float = 0.0  # RACK.rtt
    _furthest: int = 0  # RACK.fack: the highest number that has arrived
    _reordering: bool = False
    _patience: float = 0.0
    _timer: float | None = None

    def acknowledged(self, flight: Flight, report: Report, *, now: float) -> None:
        """Take in what has arrived, then judge the rest."""
        for record in report.arrived:
            self._arrived(record, shortest=report.round_trip, now=now)
        eager = bool(report.episode) or flight.sacked >= THRESHOLD
        self._patience = 0.0 if eager and not self._reordering else report.round_trip / 4
        self.handle_timer(flight, now=now)

    def _arrived(self, record: Sent, *, shortest: float, now: float) -> None:
        if record.end < self._furthest and record.tries == 1:
            self._reordering = True  # RFC 8985 (6.2, step 3)
        self._furthest = max(self._furthest, record.end)
        round_trip = now - record.sent_at
        if record.tries > 1 and round_trip < shortest:
            return  # The acknowledgement is for an earlier try (6.2, step 2).
        if (record.sent_at, record.end) > (self._sent_at, self._end):
            self._sent_at, self._end, self._round_trip = record.sent_at, record.end, round_trip

    def next_timer(self) -> float | None:
        """When the next record must be judged, unless something is heard before."""
        return self._timer

    def handle_timer(self, flight: Flight, *, now: float) -> None:
        """Mark what is overdue (6.2, step 5), and set the timer for what is not yet."""
        self._timer = None
        for record in flight.records if self._end else ():
            if (record.sent_at, record.end) >= (self._sent_at, self._end):
                if record.tries == 1:
                    break  # All behind it were sent later still.
                continue
            if record.sacked or record.lost:
                continue
            due = record.sent_at + self._round_trip + self._patience
            if due <= now:
                flight.lose(record)
            else:
                self._timer = due if self._timer is None else min(self._timer, due)
