"""One timer for many things: a heap of when each of them wants to be called.

A thing's own timer moves all the time, mostly further away. To file it anew each time would cost more than it is worth,
so only a *nearer* time is filed; what is due is asked again whether it still wants to be called, and filed anew if not.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Generic, Protocol, TypeVar


class Timed(Protocol):
    """Something that wants to be called at a certain time. Times are seconds."""

    def next_timer(self) -> float | None: ...


Thing = TypeVar("Thing", bound=Timed)


@dataclass(slots=True)
class Timers(Generic[Thing]):
    """What always holds: each thing that was filed has an entry no later than its timer."""

    _heap: list[tuple[float, int, Thing]] = field(default_factory=list)
    _filed: dict[Thing, float] = field(default_factory=dict)
    _order: Iterator[int] = field(default_factory=count)

    def file(self, thing: Thing) -> None:
        """`thing` may have changed its mind."""
        due = thing.next_timer()
        if due is not None and due < self._filed.get(thing, float("inf")):
            self._filed[thing] = due
            heappush(self._heap, (due, next(self._order), thing))

    def forget(self, thing: Thing) -> None:
        """`thing` wants nothing any more."""
        self._filed.pop(thing, None)

    def next_timer(self) -> float | None:
        """When `due` should be asked again, or None."""
        while self._heap and self._filed.get(self._heap[0][2]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, *, now: float) -> Iterator[tuple[Thing, bool]]:
        """Everything whose entry is due, and whether it really wants to be called; file each again afterwards."""
        while (due := self.next_timer()) is not None and due <= now:
            _, _, thing = heappop(self._heap)
            del self._filed[thing]
            wanted = thing.next_timer()
            yield thing, wanted is not None and wanted <= now
