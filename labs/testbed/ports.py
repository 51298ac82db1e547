"""The judge's ends of the application ports: what it offers, at what pace it reads, and what it saw.

Pure: both testbeds hand in what a program asked for or delivered, ask when something is due, and pass on the messages
that come out. A payload that a program delivers waits in the reader's queue until the reader, at its own pace, has
consumed it; the program is told each time.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from labs.story.trace import PortEvent, Recorder
from labs.testbed.channel import Consumed, Offer
from labs.testbed.scene import Offering, Port


@dataclass(slots=True)
class JudgesEnd:
    """The judge's end of one port; `number` is the port's number on its program's channel."""

    port: Port
    number: int
    recorder: Recorder
    _offers: deque[Offering] = field(init=False)
    _ready: deque[bytes] = field(default_factory=deque)
    _asked: int = 0
    _taken: int = 0
    _offered: int = 0
    _delivered: int = 0
    _queue: deque[tuple[int, bytes]] = field(default_factory=deque)
    _consumed: int = 0
    _last_read: int | None = None

    def __post_init__(self) -> None:
        self._offers = deque(sorted(self.port.offers, key=lambda offer: offer.at))

    @property
    def satisfied(self) -> bool:
        """Whether the reader has had `enough`; a port that names no number is never what a scene waits for."""
        return self.port.enough is not None and self._consumed >= self.port.enough

    def ask(self) -> None:
        """The program would take one payload more."""
        self._asked += 1

    def deliver(self, payload: bytes, *, now: int) -> None:
        """The program has handed a payload to the reader's queue."""
        self._delivered += 1
        self._record(now, "delivered", self._delivered, payload)
        self._queue.append((now, payload))

    def next_due(self) -> int | None:
        """When `advance` next has something to do; None while only the program can change that."""
        if self._ready and self._asked:
            return 0
        times = [self._offers[0].at] if self._offers else []
        if self._queue:
            times.append(self._reads_next_at())
        return min(times, default=None)

    def advance(self, *, now: int) -> Iterator[Offer | Consumed]:
        """Do all that is due at `now`, and yield what the program must be told."""
        while self._offers and self._offers[0].at <= now:
            self._offered += 1
            payload = self._offers.popleft().payload
            self._ready.append(payload)
            self._record(now, "offered", self._offered, payload)
        while self._ready and self._asked:
            self._asked -= 1
            self._taken += 1
            payload = self._ready.popleft()
            self._record(now, "taken", self._taken, payload)
            yield Offer(self.number, payload)
        while self._queue and self._reads_next_at() <= now:
            _, payload = self._queue.popleft()
            self._consumed += 1
            self._last_read = now
            self._record(now, "consumed", self._consumed, payload)
            yield Consumed(self.number, self._consumed)

    def _reads_next_at(self) -> int:
        delivered_at, _ = self._queue[0]
        reader = self.port.reader
        earliest = delivered_at if self._last_read is None else max(delivered_at, self._last_read + reader.every)
        return reader.may_read_at(earliest)

    def _record(self, now: int, what: str, number: int, payload: bytes) -> None:
        self.recorder.add(PortEvent(now, self.port.host, self.port.name, what, number, payload))  # type: ignore[arg-type]
