"""A registry that keeps its leases service by service, and remembers for each when it ends."""

import math
from dataclasses import replace

from mesh.instances import NoLease, Status


class Registry:
    """All leases of a registry. Times are seconds."""

    def __init__(
        self,
        *,
        randomness,
        duration=90.0,
        renewed_every=30.0,
        sweep_every=60.0,
        threshold=0.85,
        preserves_itself=True,
    ) -> None:
        self.preserving = False
        self._chance, self._duration, self._sweep_every = randomness, duration, sweep_every
        self._renewals_each = sweep_every / renewed_every
        self._share = threshold if preserves_itself else None
        self._services = {}
        self._heard = 0
        self._next = math.inf

    def register(self, instance, *, now):
        """Put it in its service."""
        if not len(self):
            self._next, self._heard = now + self._sweep_every, 0
        self._services.setdefault(instance.service, {})[instance.name] = [instance, now + self._duration]

    def renew(self, service, name, *, now):
        """Its lease ends later."""
        self._entry(service, name)[1] = now + self._duration
        self._heard += 1

    def set_status(self, service, name, status, *, now):
        """It says something else of itself."""
        entry = self._entry(service, name)
        entry[:] = [replace(entry[0], status=status), now + self._duration]

    def cancel(self, service, name):
        """It goes."""
        self._entry(service, name)
        self._drop(service, name)

    def find(self, service, query=None):
        """Those that are up and fit."""
        wanted = set((query or {}).items())
        names = self._services.get(service, {})
        found = [names[name][0] for name in sorted(names)]
        return [each for each in found if each.status == Status.UP and wanted <= set(each.attributes.items())]

    def __iter__(self):
        for names in self._services.values():
            for instance, _ in names.values():
                yield instance

    def __len__(self):
        return sum(map(len, self._services.values()))

    def next_timer(self):
        """When the next sweep is due."""
        return self._next if len(self) else None

    def handle_timer(self, *, now):
        """Sweep."""
        if not len(self) or now < self._next:
            return []
        self._next = now + self._sweep_every
        heard, self._heard = self._heard, 0
        there = len(self)
        over = [who for names in self._services.values() for who, end in names.values() if end < now]
        if self._share is not None:
            self.preserving = heard <= int(there * self._renewals_each * self._share)
            room = 0 if self.preserving else there - int(there * self._share)
            self._chance.shuffle(over)
            over = over[:room]
        for who in over:
            self._drop(who.service, who.name)
        return over

    def _entry(self, service, name):
        entry = self._services.get(service, {}).get(name)
        if entry is None:
            raise NoLease(name)
        return entry

    def _drop(self, service, name):
        del self._services[service][name]
        if not self._services[service]:
            del self._services[service]
