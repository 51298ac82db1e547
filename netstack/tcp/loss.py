"""Which segments are lost? Three answers, each better informed than the one before.

* `DuplicateAcks` knows only that the same number was acknowledged again: each repetition means that *some* later
  segment has arrived. Three of them, and the first one missing is taken for lost (RFC 5681, 3.2). While the gap is
  mended, an acknowledgement that does not reach its end shows the next one missing (RFC 6582, NewReno).
* `Counting` knows from selective acknowledgements what has arrived: a segment with three more behind it that have
  arrived is lost (RFC 6675, `IsLost`).
* `rack.Rack` asks for time instead of order (RFC 8985).

A detector only marks records of the flight; when the mark leads to a retransmission is the sender's affair.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from netstack.packets.quick_init import quick_init
from netstack.tcp.flight import Flight, Sent

Episode = Literal["", "recovery", "timeout"]
THRESHOLD = 3  # RFC 5681's three duplicates, RFC 6675's DupThresh


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one acknowledgement told: records that are newly known to have arrived, and whether it was a duplicate.

    `advanced` says that it acknowledged something; `episode`, of which trouble it did not reach the end (`recovery`).
    `round_trip` is the shortest seen, in seconds.
    """

    arrived: Sequence[Sent]
    duplicate: bool
    advanced: bool
    episode: Episode
    round_trip: float


class Detector(Protocol):
    """Marks what is lost. Times are seconds."""

    def acknowledged(self, flight: Flight, report: Report, *, now: float) -> None:
        """An acknowledgement has come; mark what it shows to be lost."""
        ...

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        ...

    def handle_timer(self, flight: Flight, *, now: float) -> None:
        """Mark what is lost by now."""
        ...


class Untimed:
    """For detectors that only ever learn from acknowledgements."""

    __slots__ = ()

    def next_timer(self) -> float | None:
        """There is no timer."""
        return None

    def handle_timer(self, flight: Flight, *, now: float) -> None:
        """Nothing becomes lost by waiting."""


@dataclass(slots=True)
class DuplicateAcks(Untimed):
    """Without selective acknowledgements."""

    _count: int = 0

    def acknowledged(self, flight: Flight, report: Report, *, now: float) -> None:
        """The third duplicate shows the first record to be lost; so does each partial acknowledgement."""
        if report.advanced:
            self._count = 0
            if report.episode == "recovery" and flight:
                flight.lose(flight.records[0])  # RFC 6582 (3.2, step 3): one segment for each partial one
        elif report.duplicate:
            self._count += 1
            flight.departed = min(flight.departed + 1, len(flight.records) - 1)
            # After a timeout they come from what was sent twice (RFC 6582, 4).
            if self._count == THRESHOLD and not report.episode:
                flight.lose(flight.records[0])


@dataclass(slots=True)
class Counting(Untimed):
    """With selective acknowledgements, by RFC 6675's `IsLost`: what has been sent again is not judged again."""

    def acknowledged(self, flight: Flight, report: Report, *, now: float) -> None:
        """Go back from the newest record, counting those that have arrived."""
        if not flight.sacked:
            return
        behind = 0
        for record in reversed(flight.records):
            if record.sacked:
                behind += 1
            elif behind >= THRESHOLD and record.tries == 1:
                flight.lose(record)
