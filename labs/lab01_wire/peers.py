"""Hosts that the judge plays itself, so that two wrong ends cannot agree on a wrong format."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from labs.testbed.scene import Send


@dataclass(slots=True)
class Recital:
    """Sends frames at fixed times on link 0, and listens to nobody. `frames` are (nanoseconds, frame), in order."""

    frames: Iterable[tuple[int, bytes]]
    _waiting: list[tuple[int, bytes]] = field(init=False)

    def __post_init__(self) -> None:
        self._waiting = list(self.frames)[::-1]

    def receive(self, link: int, frame: bytes, *, now: int) -> Iterable[Send]:
        return ()

    def next_timer(self) -> int | None:
        return self._waiting[-1][0] if self._waiting else None

    def handle_timer(self, *, now: int) -> Iterator[Send]:
        while self._waiting and self._waiting[-1][0] <= now:
            yield Send(0, self._waiting.pop()[1])
