"""Outlier detection: which hosts of a cluster are so much worse than the rest that they get no requests?

Judged by all callers of a cluster together, as Envoy does it. A host is ejected at once after five server errors in a
row. It comes back with a sweep, and there is one every ten seconds: the first that finds it out for 30 seconds times
the number of its ejections, at most 300; each later sweep that finds it inside takes one off that number. Two brakes:
no more than `most_percent` of the hosts may be out, and when fewer than half of them are left, health is ignored
altogether (*panic*): a balancer that believes that almost everything is broken should rather doubt itself.

Mind the first brake. With Envoy's 10 % nothing is ever ejected from a cluster of fewer than ten hosts, because one of
three is 33 %; `always_one` lets one go. Constants and rules are Envoy's (`outlier_detection.proto`,
`outlier_detection_impl.cc`). Left out: the success-rate and failure-percentage detectors, and jitter.
"""

import math
from collections.abc import Collection, Hashable
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Record:
    in_a_row: int = 0
    ejections: int = 0
    out_until: float = 0.0


@dataclass(slots=True, kw_only=True)
class OutlierDetection:
    """One cluster's hosts. Times are seconds. `overflows` counts ejections that the limit prevented."""

    consecutive: int = 5
    interval: float = 10.0
    base: float = 30.0
    longest: float = 300.0
    most_percent: int = 10
    always_one: bool = False
    panic_percent: int = 50
    overflows: int = 0
    _records: dict[Hashable, _Record] = field(default_factory=dict)

    def set_endpoints(self, endpoints: Collection[Hashable]) -> None:
        """These are the hosts now; what is known of those that stay is kept."""
        self._records = {host: self._records.get(host) or _Record() for host in endpoints}

    def begin(self, endpoint: Hashable, *, now: float) -> None:
        """A request goes to `endpoint`; only its end matters here."""

    def ignored(self, endpoint: Hashable, *, now: float) -> None:
        """The end of a request to `endpoint` says nothing about it."""

    def succeeded(self, endpoint: Hashable, *, now: float) -> None:
        """A request to `endpoint` came to a good end."""
        if (record := self._records.get(endpoint)) is not None:
            record.in_a_row = 0

    def failed(self, endpoint: Hashable, *, now: float) -> None:
        """A request to `endpoint` failed by its fault, which may get it ejected."""
        record = self._records.get(endpoint)
        if record is None or now < record.out_until:
            return
        record.in_a_row += 1
        if record.in_a_row < self.consecutive:
            return
        record.in_a_row = 0
        if self._may_eject(now):
            self._eject(record, now)
        else:
            self.overflows += 1

    def unreachable(self, endpoint: Hashable, *, now: float) -> None:
        """Nobody answers there: a failure like any other, by Envoy's default."""
        self.failed(endpoint, now=now)

    def _may_eject(self, now: float) -> bool:
        out = len(self.ejected(now=now))
        if out == 0 and self.always_one:
            return True
        return 100 * (out + 1) <= self.most_percent * len(self._records)

    def _eject(self, record: _Record, now: float) -> None:
        good_sweeps = int(now // self.interval - record.out_until // self.interval)
        record.ejections = max(0, record.ejections - good_sweeps) + 1
        served = now + min(self.base * record.ejections, self.longest)
        record.out_until = math.ceil(served / self.interval) * self.interval  # the sweep that lets it in again

    def ejected(self, *, now: float) -> list[Hashable]:
        """The hosts that are out; panic is not considered."""
        return [host for host, record in self._records.items() if now < record.out_until]

    def in_panic(self, *, now: float) -> bool:
        """Whether so few are left that health is ignored."""
        left = len(self._records) - len(self.ejected(now=now))
        return 100 * left < self.panic_percent * len(self._records)

    def is_available(self, endpoint: Hashable, *, now: float) -> bool:
        """Whether a balancer should send requests there: it is not ejected, or there is a panic."""
        record = self._records.get(endpoint)
        return record is None or now >= record.out_until or self.in_panic(now=now)
