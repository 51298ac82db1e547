"""A window that rolls on: how often something has happened lately.

Time is cut into slices, ten to a window. What happened lately is what happened in the present slice and the nine before
it: a window of ten seconds covers between nine and ten of them, and costs ten small counters, however much happens.
Slices begin at whole multiples of their length, whoever counts.

Prior art: Hystrix's rolling buckets, and the leaky account of Finagle's retry budget, both of ten slices.
"""

from collections import Counter, deque
from dataclasses import dataclass, field

SLICES = 10


@dataclass(slots=True)
class Rolling:
    """Counts of what has happened in the last `seconds`, by name."""

    seconds: float
    _slices: deque[tuple[int, Counter[str]]] = field(default_factory=deque)

    def add(self, what: str, *, now: float) -> None:
        """It has happened once more."""
        self._forget(now)
        number = self._number(now)
        if not self._slices or self._slices[-1][0] != number:
            self._slices.append((number, Counter()))
        self._slices[-1][1][what] += 1

    def count(self, what: str, *, now: float) -> int:
        """How often it has happened lately."""
        self._forget(now)
        return sum(counts[what] for _, counts in self._slices)

    def clear(self) -> None:
        """Forget everything."""
        self._slices.clear()

    def _forget(self, now: float) -> None:
        oldest = self._number(now) - SLICES + 1
        while self._slices and self._slices[0][0] < oldest:
            self._slices.popleft()

    def _number(self, now: float) -> int:
        return int(now * SLICES / self.seconds)
