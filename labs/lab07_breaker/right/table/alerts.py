"""One row a target, and one function that says what is due of a row."""

from collections import namedtuple
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Message:
    target: str
    since: float
    sources: int
    over: bool = False


Due = namedtuple("Due", "at over")


@dataclass
class Row:
    since: float
    last: float
    told: bool = False
    is_open: dict = field(default_factory=dict)

    def due(self, gather, silence):
        if not self.told:
            return Due(self.since + gather, False)
        return Due(self.last + (silence if any(self.is_open.values()) else 0), True)


class Alerts:
    def __init__(self, *, gather=5.0, silence=300.0):
        self._times = gather, silence
        self._rows = {}

    def opened(self, target, source, *, now):
        row = self._rows.get(target) or self._rows.setdefault(target, Row(now, now))
        row.last, row.is_open[source] = now, True

    def closed(self, target, source, *, now):
        if target in self._rows:
            row = self._rows[target]
            row.last = now
            if source in row.is_open:
                row.is_open[source] = False

    def next_timer(self):
        return min((row.due(*self._times).at for row in self._rows.values()), default=None)

    def handle_timer(self, *, now):
        return [message for target in sorted(self._rows) for message in self._handle(target, now)]

    def _handle(self, target, now):
        row = self._rows[target]
        while target in self._rows and (due := row.due(*self._times)).at <= now:
            yield Message(target, row.since, len(row.is_open), due.over)
            row.told = True
            if due.over:
                del self._rows[target]
