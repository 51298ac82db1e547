"""Puts bytes into order: pieces come late, twice, and overlapping; out comes the stream, each byte once.

Pieces that came too early are kept as they are cut: disjoint, in ascending order, none touching the byte that is wanted
next. So what is kept never exceeds what the caller's window let in. When two pieces disagree about a byte, the one that
came first holds.

Numbers are positions in the stream and never wrap (see `connection` on how 32 bits become such numbers).
Prior art: the reassembler of Stanford's course, and RFC 2018 for the order of `blocks`.
"""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field

BLOCKS_REMEMBERED = 4


@dataclass(slots=True)
class Reassembler:
    """`wanted` is the number of the next byte in order."""

    wanted: int
    _early: list[tuple[int, bytes]] = field(default_factory=list)
    _recent: deque[int] = field(default_factory=lambda: deque(maxlen=BLOCKS_REMEMBERED))

    @property
    def has_gap(self) -> bool:
        """Whether something is here that could not be handed over yet."""
        return bool(self._early)

    def receive(self, start: int, data: bytes) -> bytes:
        """Take in `data`, which begins at `start`; return what is in order now, which may be nothing."""
        if start < self.wanted:
            data, start = data[self.wanted - start :], self.wanted
        if not data:
            return b""
        if start == self.wanted and not self._early:
            self.wanted += len(data)
            return data
        self._keep(start, data)
        self._recent.appendleft(start)
        return self._take()

    def _keep(self, start: int, data: bytes) -> None:
        """File those parts of `data` that are not there yet."""
        end, index = start + len(data), bisect_left(self._early, (start,))
        if index and (before := self._end(index - 1)) > start:
            data, start = data[before - start :], before
        while start < end:
            has_next = index < len(self._early) and self._early[index][0] < end
            stop = self._early[index][0] if has_next else end
            if start < stop:
                self._early.insert(index, (start, data[: stop - start]))
                index += 1
            if not has_next:
                return
            resume = self._end(index)
            data, start, index = data[resume - start :], resume, index + 1

    def _end(self, index: int) -> int:
        start, data = self._early[index]
        return start + len(data)

    def _take(self) -> bytes:
        ready, count = [], 0
        while count < len(self._early) and self._early[count][0] == self.wanted:
            data = self._early[count][1]
            ready.append(data)
            self.wanted += len(data)
            count += 1
        del self._early[:count]
        return b"".join(ready)

    def blocks(self) -> list[tuple[int, int]]:
        """What is here beyond a gap, as half-open ranges; the one that changed last comes first (RFC 2018, 4)."""
        if not self._early:
            return []
        ranges: list[tuple[int, int]] = []
        for start, data in self._early:
            if ranges and ranges[-1][1] == start:
                ranges[-1] = (ranges[-1][0], start + len(data))
            else:
                ranges.append((start, start + len(data)))
        ages = {number: age for age, number in reversed(list(enumerate(self._recent)))}
        newest = len(ages)

        def age(block: tuple[int, int]) -> int:
            return min((ages[number] for number in ages if block[0] <= number < block[1]), default=newest)

        return sorted(ranges, key=age)
