"""The registry's memory: who is there, and until when that is believed."""

from dataclasses import replace

from mesh.instances import Instance, NoLease, Status


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
        self.randomness = randomness
        self.duration = duration
        self.renewed_every = renewed_every
        self.sweep_every = sweep_every
        self.threshold = threshold
        self.preserves_itself = preserves_itself
        self.preserving = False
        self.instances = {}  # (service, name) -> instance
        self.last_heard = {}  # (service, name) -> time
        self.next_sweep = None
        self.renewals = 0  # since the last sweep

    def register(self, instance: Instance, *, now: float) -> None:
        """`instance` is there, with a fresh lease; one of the same service and name is replaced."""
        if not self.instances:
            self.next_sweep = now + self.sweep_every
            self.renewals = 0
        key = (instance.service, instance.name)
        self.instances[key] = instance
        self.last_heard[key] = now

    def renew(self, service: str, name: str, *, now: float) -> None:
        """It is still there; raises `NoLease` if it is not registered."""
        key = (service, name)
        if key not in self.instances:
            raise NoLease(f"{name} of {service} is not registered")
        self.last_heard[key] = now
        self.renewals += 1

    def set_status(self, service: str, name: str, status: Status, *, now: float) -> None:
        """It says something else of itself, and so is alive; raises `NoLease`."""
        key = (service, name)
        if key not in self.instances:
            raise NoLease(f"{name} of {service} is not registered")
        self.last_heard[key] = now
        self.instances[key] = replace(self.instances[key], status=status)

    def cancel(self, service: str, name: str) -> None:
        """It goes in order; raises `NoLease`."""
        key = (service, name)
        if key not in self.instances:
            raise NoLease(f"{name} of {service} is not registered")
        self.remove(key)

    def remove(self, key):
        instance = self.instances.pop(key)
        del self.last_heard[key]
        if not self.instances:
            self.next_sweep = None
        return instance

    def find(self, service: str, query=None) -> list[Instance]:
        """The instances of `service` that are up and fit the query, in the order of their names."""
        found = []
        for instance in self.instances.values():
            if instance.service != service or instance.status != Status.UP:
                continue
            if query and not instance.fits(query):
                continue
            found.append(instance)
        return sorted(found, key=lambda instance: instance.name)

    def __iter__(self):
        """All instances, whatever their service and status."""
        return iter(list(self.instances.values()))

    def __len__(self) -> int:
        """How many there are."""
        return len(self.instances)

    def next_timer(self) -> float | None:
        """When the next sweep is due; None as long as nobody is registered."""
        return self.next_sweep

    def handle_timer(self, *, now: float) -> list[Instance]:
        """The sweep, if it is due; returns those that it has taken out."""
        if self.next_sweep is None or now < self.next_sweep:
            return []
        self.next_sweep = now + self.sweep_every
        renewals, self.renewals = self.renewals, 0
        expired = [key for key, heard in self.last_heard.items() if now - heard > self.duration]
        if self.preserves_itself:
            count = len(self.instances)
            expected = count * self.sweep_every / self.renewed_every
            self.preserving = renewals <= int(expected * self.threshold)
            if self.preserving:
                return []
            at_most = count - int(count * self.threshold)
            if len(expired) > at_most:
                expired = self.randomness.sample(expired, at_most)
        return [self.remove(key) for key in expired]
