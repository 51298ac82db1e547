"""What unit checks hand to a student's classes: instances, sources of randomness, and predicates of what comes back."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labs.testbed.program.values import Seen, Stored
from labs.testbed.unit import Script

PRODUCTION = {"environment": "production"}


def random_source(script: Script, seed: int) -> Stored:
    """A `random.Random` in the student's process."""
    return script.make("random.Random", seed, store=f"random_{seed}")


def instance(
    script: Script,
    name: str,
    attributes: Mapping[str, str] = PRODUCTION,
    *,
    service: str = "players",
    address: str = "10.0.3.1",
    store: str = "",
) -> Stored:
    """An `Instance` in the student's process, stored under its name, if not as `store`."""
    store = store or _stored(name, service)
    return script.make("mesh.instances.Instance", service, name, address, 8080, dict(attributes), store=store)


def _stored(name: str, service: str) -> str:
    return f"{service}_{name}".replace("-", "_")


def names(found: Any) -> list[str]:
    """The names of instances, as the judge sees them; raises `TypeError` for anything else."""
    if not isinstance(found, list | tuple) or not all(isinstance(each, Seen) for each in found):
        raise TypeError("these are no instances")
    return [str(each.attributes.get("name")) for each in found]


def are(*wanted: str) -> Callable[[Any], bool]:
    """Whether these instances were returned, in this order."""
    return lambda found: names(found) == list(wanted)


def are_all_of(wanted: Sequence[str]) -> Callable[[Any], bool]:
    """Whether these instances were returned, in any order, each once."""
    return lambda found: sorted(names(found)) == sorted(wanted)


def near(wanted: float, tolerance: float = 1e-6) -> Callable[[Any], bool]:
    """Whether a number is this one, to six places."""
    return lambda found: abs(found - wanted) <= tolerance * max(1.0, abs(wanted))
