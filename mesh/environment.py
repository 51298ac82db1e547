"""What all services of one place have in common: where the registry is, and what they are called on the wire."""

import os
from importlib import import_module
from typing import Any

REGISTRY = "MESH_REGISTRY"
ADDRESS = "MESH_ADDRESS"
PORT = 8080
"""Where services listen if nobody says anything else."""


class NoRegistry(Exception):
    """Nobody has said where the registry is."""


def registry_of_the_environment() -> Any:
    """The registry that `MESH_REGISTRY` names, both a `Discovery` and a `Registration`; raises `NoRegistry`."""
    host, _, port = os.environ.get(REGISTRY, "").rpartition(":")
    if not host or not port.isdigit():
        raise NoRegistry(f"set {REGISTRY} to the registry's host:port, or hand in who knows where instances are")
    # Not at the top: whoever hands in another needs none of it
    return import_module("mesh.discovery.registry").RegistryClient.at(host, int(port))


def full_name(service: str) -> str:
    """What a service is called on the wire: `players.Players`, as in gRPC a package and what is in it."""
    return f"{service}.{service.capitalize()}"
