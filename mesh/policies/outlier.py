"""Outlier detection: which hosts of a cluster are so much worse than the rest that they get no requests?

Judged by all callers of a cluster together, as Envoy does it. A host is ejected at once after five server errors in a
row; for 30 seconds times how often that has happened, at most 300; it comes back at the next sweep, every ten seconds.
Two brakes: no more than `most_percent` of the hosts may be out, and when fewer than half of them are left, health is
ignored altogether (*panic*): a balancer that believes that almost everything is broken should rather doubt itself.

Mind the first brake. With Envoy's 10 % nothing is ever ejected from a cluster of fewer than ten hosts, because one of
three is 33 %; `always_one` lets one go. Constants and rules are Envoy's (`outlier_detection.proto`). Left out: the
success-rate and failure-percentage detectors.
"""

from collections.abc import Collection, Hashable
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Record:
    in_a_row: int = 0
    ejections: int = 0
    out_since: float | None = None


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
    _sweep_at: float | None = None

    def set_hosts(self, hosts: Collection[Hashable]) -> None:
        """These are the hosts now; what is known of those that stay is kept."""
        self._records = {host: self._records.get(host) or _Record() for host in hosts}

    def succeeded(self, host: Hashable, *, now: float) -> None:
        """A request to `host` came to a good end."""
        if (record := self._records.get(host)) is not None:
            record.in_a_row = 0

    def failed(self, host: Hashable, *, now: float) -> bool:
        """A request to `host` failed by its fault; return whether it is ejected for that."""
        record = self._records.get(host)
        if record is None or record.out_since is not None:
            return False
        record.in_a_row += 1
        if record.in_a_row < self.consecutive:
            return False
        record.in_a_row = 0
        if not self._may_eject():
            self.overflows += 1
            return False
        record.out_since = now
        record.ejections += 1
        if self._sweep_at is None:
            self._sweep_at = now + self.interval
        return True

    def _may_eject(self) -> bool:
        out = sum(record.out_since is not None for record in self._records.values())
        if out == 0 and self.always_one:
            return True
        return 100 * (out + 1) <= self.most_percent * len(self._records)

    def next_timer(self) -> float | None:
        """When the next sweep is due, or None."""
        return self._sweep_at

    def handle_timer(self, *, now: float) -> None:
        """The sweep: hosts whose time is over come back, with a clean record."""
        if self._sweep_at is None or now < self._sweep_at:
            return
        for record in self._records.values():
            pause = min(self.base * record.ejections, self.longest)
            if record.out_since is not None and now >= record.out_since + pause:
                record.out_since, record.in_a_row = None, 0
        any_out = any(record.out_since is not None for record in self._records.values())
        self._sweep_at = now + self.interval if any_out else None

    def is_out(self, host: Hashable) -> bool:
        """Whether `host` is ejected; panic is not considered."""
        record = self._records.get(host)
        return record is not None and record.out_since is not None

    def available(self) -> list[Hashable]:
        """The hosts to choose from: those that are not ejected; all of them in a panic."""
        inside = [host for host, record in self._records.items() if record.out_since is None]
        return inside if 100 * len(inside) >= self.panic_percent * len(self._records) else list(self._records)
