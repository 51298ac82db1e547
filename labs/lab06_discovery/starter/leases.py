"""The registry's memory: who is there, and until when that is believed.

So far it believes everybody for ever, and gives everybody to whoever asks. The handout, steps 2 and 3, says what to
write.
"""

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
        self.preserving = False
        self._instances = []

    def register(self, instance: Instance, *, now: float) -> None:
        """`instance` is there, with a fresh lease; one of the same service and name is replaced."""
        self._instances.append(instance)

    def renew(self, service: str, name: str, *, now: float) -> None:
        """It is still there; raises `NoLease` if it is not registered."""

    def set_status(self, service: str, name: str, status: Status, *, now: float) -> None:
        """It says something else of itself, and so is alive; raises `NoLease`."""

    def cancel(self, service: str, name: str) -> None:
        """It goes in order; raises `NoLease`."""

    def find(self, service: str, query=None) -> list[Instance]:
        """The instances of `service` that are up and fit the query, in the order of their names."""
        return list(self._instances)

    def __iter__(self):
        """All instances, whatever their service and status."""
        return iter(self._instances)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._instances)

    def next_timer(self) -> float | None:
        """When the next sweep is due; None as long as nobody is registered."""
        return None

    def handle_timer(self, *, now: float) -> list[Instance]:
        """The sweep, if it is due; returns those that it has taken out."""
        return []
