"""Leases: whoever stops saying that it is alive is forgotten.

An instance registers with its attributes, and renews its lease every 30 seconds. One that has not for more than 90 has
expired, and the next sweep, once a minute, takes it out. A query names attributes that must all fit.

*Self-preservation.* When many stop renewing at once, the network has more likely failed than they have. So a sweep that
has seen no more than 85 % of the renewals that it should have seen takes nobody out; and none takes out more than 15 %
of all, at random, so that no single application is emptied. The price: what is really gone stays listed, and its
callers must find that out themselves. Where there are six instances or fewer it is paid at every single death.

Source: Eureka, whose constants these are. Eureka's instances last twice the duration, by an oversight that its authors
documented and kept (`renew` stores the end of the lease, the test for expiry adds the duration once more):
`duration=2 * DURATION` is what it really does. It counts renewals by the minute, we from sweep to sweep.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from mesh.instances import Instance, NoLease, Status

DURATION = 90.0
RENEWED_EVERY = 30.0
SWEEP_EVERY = 60.0
THRESHOLD = 0.85


@dataclass(slots=True)
class _Lease:
    instance: Instance
    renewed_at: float


@dataclass(slots=True, kw_only=True)
class Registry:
    """All leases of a registry. Times are seconds.

    `renewed_every` is how often each instance is expected to renew, so that it is known how many renewals there should
    be. `preserving` says whether the last sweep has seen so few that it took nobody out.
    """

    randomness: random.Random
    duration: float = DURATION
    renewed_every: float = RENEWED_EVERY
    sweep_every: float = SWEEP_EVERY
    threshold: float = THRESHOLD
    preserves_itself: bool = True
    preserving: bool = field(default=False, init=False)
    _leases: dict[tuple[str, str], _Lease] = field(default_factory=dict, init=False)
    _renewals: int = field(default=0, init=False)  # since the last sweep
    _sweep_at: float | None = field(default=None, init=False)

    def register(self, instance: Instance, *, now: float) -> None:
        """`instance` is there, with a fresh lease; one of the same service and name is replaced."""
        self._leases[instance.service, instance.name] = _Lease(instance, now)
        if self._sweep_at is None:
            self._sweep_at, self._renewals = now + self.sweep_every, 0

    def renew(self, service: str, name: str, *, now: float) -> None:
        """It is still there; raises `NoLease`."""
        self._lease(service, name).renewed_at = now
        self._renewals += 1

    def set_status(self, service: str, name: str, status: Status, *, now: float) -> None:
        """It says something else of itself, and so is alive; raises `NoLease`."""
        lease = self._lease(service, name)
        lease.instance, lease.renewed_at = replace(lease.instance, status=status), now

    def cancel(self, service: str, name: str) -> None:
        """It goes in order; raises `NoLease`."""
        self._lease(service, name)
        self._remove((service, name))

    def find(self, service: str, query: Mapping[str, str] | None = None) -> list[Instance]:
        """The instances of `service` that are up and fit, in the order of their names."""
        found = [each for each in self if each.service == service and each.status is Status.UP]
        return sorted((each for each in found if each.fits(query or {})), key=lambda each: each.name)

    def __iter__(self) -> Iterator[Instance]:
        return (lease.instance for lease in self._leases.values())

    def __len__(self) -> int:
        return len(self._leases)

    def next_timer(self) -> float | None:
        """When the next sweep is due; None as long as nobody is registered."""
        return self._sweep_at

    def handle_timer(self, *, now: float) -> list[Instance]:
        """The sweep, if it is due; returns those that it has taken out."""
        if self._sweep_at is None or now < self._sweep_at:
            return []
        count, renewals, self._renewals = len(self), self._renewals, 0
        self._sweep_at = now + self.sweep_every
        expected = count * self.sweep_every / self.renewed_every
        self.preserving = self.preserves_itself and renewals <= int(expected * self.threshold)
        if self.preserving:
            return []
        expired = [key for key, lease in self._leases.items() if now > lease.renewed_at + self.duration]
        most = count - int(count * self.threshold) if self.preserves_itself else count
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
