"""How instances travel between those who register and those who ask: as JSON."""

from mesh.instances import Instance, Status


def to_json(instance: Instance) -> dict[str, object]:
    """What is written."""
    return {
        "service": instance.service,
        "name": instance.name,
        "address": instance.address,
        "port": instance.port,
        "attributes": dict(instance.attributes),
        "status": instance.status.value,
    }


def from_json(told: dict) -> Instance:
    """What is read."""
    return Instance(**{**told, "status": Status(told["status"])})
