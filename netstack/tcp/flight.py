"""What is under way: each segment that was sent and is not acknowledged, and what is known of its fate.

One record per segment, in the order of the stream. A record is *sacked* when the receiver says that it has it although
something before it is missing; it is *lost* when somebody has concluded that it must be sent again, and no longer when
that has been done. All loss recovery is then one question, asked by `loss`: which records are lost? And all sending is
another, asked by the sender: is `pipe`, the bytes presumed to be in the network (RFC 6675, 3), less than the window?
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Sent:
    """One segment that was sent: bytes from `start` on, then a FIN if `fin`; or a SYN alone. Times are seconds."""

    start: int
    payload: bytes
    sent_at: float
    syn: bool = False
    fin: bool = False
    push: bool = False
    first_sent_at: float = field(init=False)
    end: int = field(init=False)
    """The number after its last."""
    tries: int = 1
    sacked: bool = False
    lost: bool = False

    def __post_init__(self) -> None:
        self.first_sent_at = self.sent_at
        self.end = self.start + len(self.payload) + self.syn + self.fin

    @property
    def length(self) -> int:
        """The sequence numbers that it takes."""
        return self.end - self.start


@dataclass(slots=True)
class Flight:
    """All records, oldest first. `departed` counts segments that left the network nobody knows which (no SACK)."""

    records: deque[Sent] = field(default_factory=deque)
    departed: int = 0
    lost: int = 0
    """How many records are lost, and not yet sent again."""
    sacked: int = 0
    """How many records the receiver holds beyond a gap."""
    _pipe: int = 0

    def __bool__(self) -> bool:
        return bool(self.records)

    def pipe(self, mss: int) -> int:
        """The bytes presumed to be in the network (RFC 6675)."""
        return max(0, self._pipe - self.departed * mss)

    @property
    def outstanding(self) -> int:
        """FlightSize: the bytes sent and not acknowledged (RFC 5681)."""
        return self.records[-1].end - self.records[0].start if self.records else 0

    def add(self, record: Sent) -> None:
        """A new segment has been sent."""
        self.records.append(record)
        self._pipe += record.length

    def acknowledge(self, number: int) -> list[Sent]:
        """Forget all before `number`; return the records of which was not known yet that they have arrived."""
        fresh, before = [], len(self.records)
        while self.records and self.records[0].end <= number:
            record = self.records.popleft()
            self._uncount(record)
            if not record.sacked:
                fresh.append(record)
        if self.records and self.records[0].start < number:
            self._trim(self.records[0], number)
        # RFC 6582 (3.2, step 3): deflate by what is acknowledged, and put one segment back.
        done = before - len(self.records)
        self.departed = max(0, min(self.departed - max(0, done - 1), len(self.records)))
        return fresh

    def _uncount(self, record: Sent) -> None:
        if record.sacked:
            self.sacked -= 1
        elif record.lost:
            self.lost -= 1
        else:
            self._pipe -= record.length

    def _trim(self, record: Sent, number: int) -> None:
        """The first part of `record` is acknowledged."""
        gone = number - record.start
        if not (record.sacked or record.lost):
            self._pipe -= gone
        record.start, record.payload, record.syn = number, record.payload[gone - record.syn :], False

    def sack(self, blocks: Iterable[tuple[int, int]]) -> list[Sent]:
        """Mark what the receiver holds; return the records of which that was not known."""
        fresh = []
        for begin, end in blocks:
            for record in self.records:
                if record.start >= end:
                    break
                if record.start >= begin and record.end <= end and not record.sacked:
                    self._uncount(record)
                    record.sacked, record.lost = True, False
                    self.sacked += 1
                    fresh.append(record)
        return fresh

    def lose(self, record: Sent) -> None:
        """Conclude that `record` must be sent again."""
        if not (record.lost or record.sacked):
            self._uncount(record)
            record.lost = True
            self.lost += 1

    def lose_all(self) -> None:
        """Conclude it of all, also of what the receiver said it had: it may have thrown that away (RFC 2018, 8)."""
        for record in self.records:
            record.sacked, record.lost = False, True
        self.lost, self.sacked, self.departed, self._pipe = len(self.records), 0, 0, 0

    def first_lost(self) -> Sent | None:
        """The record to send again first."""
        if not self.lost:
            return None
        return next(record for record in self.records if record.lost)

    def resent(self, record: Sent, *, now: float) -> None:
        """`record` has been sent once more."""
        if record.lost:
            record.lost = False
            self.lost -= 1
            self._pipe += record.length
        record.sent_at = now
        record.tries += 1

    def waiting(self) -> Iterator[Sent]:
        """The records of whose fate nothing is known, oldest first."""
        return (record for record in self.records if not (record.sacked or record.lost))
