"""Who knows where instances are: a list that never changes, or the registry of the town."""

from contextlib import asynccontextmanager

from mesh.discovery import Found
from mesh.discovery.registry.client import RegistryClient
from mesh.instances import Instance


def listed(service, addresses):
    """Instances that are there once and for all: their addresses, by their names."""
    found = Found()
    found.answered(Instance(service, name, address, 8080) for name, address in addresses.items())
    return found


def registry(host):
    """The registry that the arguments name."""
    return RegistryClient.at(*host.arguments["registry"], patience=0.5, randomness=host.random)


class Nowhere:
    """The registration of those who are listed."""

    @asynccontextmanager
    async def registered(self, instance):
        yield
