"""Leases: whoever stops saying that it is alive is forgotten.

An instance registers with its attributes, and renews its lease every 30 seconds. One that has not for 90 seconds has
expired, and the next sweep, once a minute, takes it out. A query names attributes that must all fit.

*Self-preservation.* When many stop renewing at once, the network has more likely failed than they have. So as long as
fewer than 85 % of the expected renewals came in within the last minute, nobody is taken out; and never more than 15 %
of all in one sweep, in random order, so that no single application is emptied. The price: what is really gone stays
listed, and its callers must find that out themselves (`policies.accrual`).

Source: Eureka, whose constants these are. Eureka expires instances after twice the duration, by an oversight that its
authors documented and kept (`renew` stores the end of the lease, the test for expiry adds the duration once more);
`kept_oversight=True` reproduces it.
"""

import random
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from mesh.instances import Instance, NoLease, Status


@dataclass(slots=True)
class _Lease:
    instance: Instance
    renewed_at: float


@dataclass(slots=True, kw_only=True)
class Registry:
    """All leases of a registry. Times are seconds.

    `renewed_every` is how often each instance is expected to renew its own; so it is known how many renewals a minute
    should bring.
    """

    randomness: random.Random
    duration: float = 90.0
    renewed_every: float = 30.0
    sweep_every: float = 60.0
    threshold: float = 0.85
    preserves_itself: bool = True
    kept_oversight: bool = False
    _leases: dict[tuple[str, str], _Lease] = field(default_factory=dict)
    _renewals: deque[float] = field(default_factory=deque)
    _sweep_at: float | None = None

    def register(self, instance: Instance, *, now: float) -> None:
        """`instance` is there, with a fresh lease; one of the same service and name is replaced."""
        self._leases[instance.service, instance.name] = _Lease(instance, now)
        if self._sweep_at is None:
            self._sweep_at = now + self.sweep_every

    def renew(self, service: str, name: str, *, now: float) -> None:
        """It is still there; raises `NoLease`."""
        self._lease(service, name).renewed_at = now
        self._renewals.append(now)

    def set_status(self, service: str, name: str, status: Status, *, now: float) -> None:
        """It says something else of itself; raises `NoLease`."""
        lease = self._lease(service, name)
        lease.instance = replace(lease.instance, status=status)

    def cancel(self, service: str, name: str) -> None:
        """It goes in order; raises `NoLease`."""
        self._lease(service, name)
        self._remove((service, name))

    def find(self, service: str, query: Mapping[str, str] | None = None) -> list[Instance]:
        """The instances of `service` that are up and fit, in the order of their names."""
        found = [lease.instance for lease in self._leases.values() if lease.instance.service == service]
        fitting = [each for each in found if each.status is Status.UP and each.fits(query or {})]
        return sorted(fitting, key=lambda instance: instance.name)

    def __iter__(self) -> Iterator[Instance]:
        return (lease.instance for lease in self._leases.values())

    def __len__(self) -> int:
        return len(self._leases)

    def is_preserving(self, *, now: float) -> bool:
        """Whether so few have renewed within the last minute that none is taken out."""
        while self._renewals and self._renewals[0] <= now - 60:
            self._renewals.popleft()
        expected = int(len(self._leases) * 60 / self.renewed_every * self.threshold)
        return self.preserves_itself and len(self._renewals) <= expected

    def next_timer(self) -> float | None:
        """When the next sweep is due, or None."""
        return self._sweep_at

    def handle_timer(self, *, now: float) -> list[Instance]:
        """The sweep, if it is due; returns those that it has taken out."""
        if self._sweep_at is None or now < self._sweep_at:
            return []
        self._sweep_at = now + self.sweep_every
        if self.is_preserving(now=now):
            return []
        lasts = self.duration * (2 if self.kept_oversight else 1)
        expired = [key for key, lease in self._leases.items() if now > lease.renewed_at + lasts]
        most = len(self._leases) - int(len(self._leases) * self.threshold) if self.preserves_itself else len(expired)
        return [self._remove(key) for key in self.randomness.sample(expired, min(most, len(expired)))]

    def _remove(self, key: tuple[str, str]) -> Instance:
        gone = self._leases.pop(key).instance
        if not self._leases:
            self._sweep_at = None
        return gone

    def _lease(self, service: str, name: str) -> _Lease:
        try:
            return self._leases[service, name]
        except KeyError:
            raise NoLease(f"{name} of {service} is not registered") from None
