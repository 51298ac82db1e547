"""What lab 8 plays: teams on a client of your own making, and instances of players that come, go and fall ill."""

from collections.abc import Mapping, Sequence
from typing import Any

from labs.conformance import about, asking
from labs.lab06_discovery.scenes import people
from labs.lab08_library.kinds import classify
from labs.lab08_library.topology import Town, address
from labs.testbed.scene import Limits, Offering, Port, Program, Scene
from netstack.wire import MILLISECOND, SECOND

REGISTRY_PORT = 8500
REGISTRY = [address("reg"), REGISTRY_PORT]
PRODUCTION = {"environment": "production"}
FOREVER = 1e9
MESH = ("mesh.serving", "mesh.discovery.registry", "mesh.endpoints", "mesh.parts")
"""What takes long to import, and is imported once."""

PLAYERS = ("p1", "p2", "p3")
Terms = Mapping[str, Any]


def scene(
    name: str, programs: Sequence[Program], asked: Sequence[Offering], *, seconds: float, more: Sequence[Port] = ()
) -> Scene:
    """Programs in the town, and people at `a`."""
    return Scene(
        name=name,
        topology=Town,
        programs=tuple(programs),
        ports=(Port(host="a", offers=tuple(asked)), *more),
        classify=classify,
        limits=Limits(time=round(seconds * SECOND)),
        preload=MESH,
    )


def listed(
    name: str,
    players: Mapping[str, Terms],
    asked: Sequence[Offering],
    *,
    seconds: float,
    counted: float | None = None,
    **terms: Any,
) -> Scene:
    """*teams* on the student's stack, before `players` that are listed, each with its own terms.

    One whose terms are `GONE` is listed all the same. At `counted` (s) somebody asks for the statistics.
    """
    addresses = {host: address(host) for host in players}
    cast = [_player(host, more) for host, more in players.items() if not more.get("gone")]
    teams = Program(host="a", file="listed.py", arguments={"players": addresses, **terms})
    ports = (
        () if counted is None else (Port(host="a", name="counts", offers=(Offering(b"?", round(counted * SECOND)),)),)
    )
    return scene(name, [*cast, teams], asked, seconds=seconds, more=ports)


def _player(host: str, terms: Terms, *, name: str = "main", killed: float | None = None) -> Program:
    at = None if killed is None else round(killed * SECOND)
    return Program(host=host, file="players.py", name=name, arguments=dict(terms), killed=at)


def registry(**leases: Any) -> Program:
    """The registry, around the student's `leases.py`."""
    return Program(host="reg", file="registry.py", arguments={"leases": leases, "port": REGISTRY_PORT})


def registered(host: str, *, killed: float | None = None, name: str = "main", **terms: Any) -> Program:
    """An instance of *players* that the registry knows; in production, if nothing else is said."""
    return _player(
        host, {"registry": REGISTRY, "attributes": PRODUCTION, "begin": 0.2, **terms}, name=name, killed=killed
    )


def teams(**terms: Any) -> Program:
    """*teams* on the student's client."""
    return Program(
        host="a", file="teams.py", arguments={"registry": REGISTRY, "query": PRODUCTION, "begin": 0.5, **terms}
    )


def town(
    name: str,
    players: Sequence[Program],
    asked: Sequence[Offering],
    *,
    seconds: float,
    hears: Sequence[str] = (),
    **terms: Any,
) -> Scene:
    """*teams* on the student's client, a registry, and instances. What is in `hears` tells at a port of that name.

    Whoever swaps roles tells which there are then.
    """
    swapped = terms.get("swap", "")
    ports = [*hears, *(["roles"] if swapped else []), *(["notes"] if "noted" in swapped else [])]
    more = [Port(host="a", name=port) for port in ports]
    return scene(name, [registry(), *players, teams(**terms)], asked, seconds=seconds, more=more)


WELL: Terms = {}
GONE: Terms = {"gone": True}


def ill(how: str, begin: float = 0.0, end: float = FOREVER, **more: Any) -> Terms:
    """The terms of an instance that is ill from `begin` to `end`, in seconds."""
    return {"ill": [[begin, end, how]], **more}


APPLICATION = asking(
    town(
        "application",
        [registered("p1"), registered("p2"), registered("p3", attributes={"environment": "test"})],
        (),
        seconds=60,
    ),
    [about(team) for team in ("Herons", "Otters", "Understudies")],
)
ONE_HANGS = listed(
    "one-hangs",
    {"p1": ill("hangs"), "p2": WELL, "p3": WELL},
    people(30, every=100 * MILLISECOND, begin=SECOND // 2),
    seconds=10,
    balancer="in turn",
    settings={"timeout": 0.08},
)
ALL_DOWN = listed(
    "all-down",
    dict.fromkeys(PLAYERS, ill("down")),
    people(30, every=100 * MILLISECOND, begin=SECOND // 2),
    seconds=10,
    balancer="in turn",
)
MOVED = listed(
    "moved",
    {"p1": ill("hangs"), "p2": WELL, "p3": WELL},
    people(30, every=100 * MILLISECOND, begin=SECOND // 2),
    seconds=10,
    balancer="in turn",
    settings={"timeout": 0.08},
    changes=[["accrual", "bottom"]],
)
MOVES = town(
    "moves",
    [registered("p1", end=3.0), registered("p2"), registered("p4", begin=2.0)],
    people(60, every=100 * MILLISECOND, begin=SECOND),
    seconds=12,
)

SCENES = {each.name: each for each in (APPLICATION, ONE_HANGS, ALL_DOWN, MOVED, MOVES)}
