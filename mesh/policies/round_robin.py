"""Round robin: one endpoint after another, whatever they are doing. The balancer that all others are compared with."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from mesh.instances import NoEndpoints

Endpoint = Hashable


@dataclass(slots=True)
class RoundRobin:
    """One after another."""

    endpoints: Sequence[Endpoint] = ()
    _turn: int = 0

    def set_endpoints(self, endpoints: Sequence[Endpoint]) -> None:
        """These are there now."""
        self.endpoints = tuple(endpoints)

    def pick(self, *, now: float = 0.0) -> Endpoint:
        """The next one; raises `NoEndpoints`."""
        if not self.endpoints:
            raise NoEndpoints("nobody is registered, or nobody fits")
        self._turn += 1
        return self.endpoints[(self._turn - 1) % len(self.endpoints)]

    def begin(self, endpoint: Endpoint, *, now: float) -> None:
        """A request goes to `endpoint`, which makes no difference here."""

    def end(self, endpoint: Endpoint, took: float, *, now: float) -> None:
        """It is over."""
