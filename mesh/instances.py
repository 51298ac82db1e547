"""Instances: the running copies of a service, each where it is, with what it says of itself.

Here stands what all have in common who keep instances, find them, or choose among them, so that neither needs the
other: a registry, a client, a balancer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class NoLease(LookupError):
    """Nobody of that name is registered: whoever it is should register (again)."""


class NoEndpoints(LookupError):
    """There is nobody to send a request to."""


class Status(Enum):
    """What an instance says of itself."""

    UP = "UP"
    DOWN = "DOWN"
    STARTING = "STARTING"
    OUT_OF_SERVICE = "OUT_OF_SERVICE"


@dataclass(frozen=True, slots=True)
class Instance:
    """One running copy of a service: where it is, and what it says of itself."""

    service: str
    name: str
    address: str
    port: int
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)
    status: Status = Status.UP

    def fits(self, query: Mapping[str, str]) -> bool:
        """Whether all attributes asked for are there, with these values."""
        return all(self.attributes.get(key) == value for key, value in query.items())
