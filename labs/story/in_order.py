"""Events told in the order of their times, though some are heard of late.

On an emulated network the relay reports what crossed the wires a moment after the application ports have spoken: an
answer would be heard before it was sent. So each event is held back for a while, in which an earlier one may come.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from labs.story.trace import Event
from netstack.wire import MILLISECOND

HOLD = 100 * MILLISECOND


@dataclass(slots=True)
class InOrder:
    """Hands events on to `tell`, each one `hold` nanoseconds after it happened; of one instant, as they were added."""

    tell: Callable[[Event], None]
    hold: int = HOLD
    _held: list[tuple[int, int, Event]] = field(default_factory=list)
    _added: int = 0

    def add(self, event: Event) -> None:
        """Take an event, to be told in its turn."""
        self._added += 1
        heapq.heappush(self._held, (event.at, self._added, event))

    def next_due(self) -> int | None:
        """When the next event is to be told; None when none is held."""
        return self._held[0][0] + self.hold if self._held else None

    def release(self, now: int) -> None:
        """Tell what is due at `now`."""
        while self._held and self._held[0][0] + self.hold <= now:
            self.tell(heapq.heappop(self._held)[-1])

    def flush(self) -> None:
        """Tell all that is held: nothing earlier can come any more."""
        while self._held:
            self.tell(heapq.heappop(self._held)[-1])
