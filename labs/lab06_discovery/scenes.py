"""What lab 6 plays: a registry and those who register, ask it, and call each other; and how they die."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from labs.conformance import about
from labs.lab06_discovery.kinds import classify
from labs.lab06_discovery.topology import Town, address
from labs.testbed.scene import Limits, Offering, Port, Program, Scene
from netstack.wire import MILLISECOND, SECOND

PORT = 8080
"""Where everybody's services listen. That it works is a convention, and no more."""

REGISTRY_PORT = 8500
REGISTRY = [address("reg"), REGISTRY_PORT]
PRODUCTION = {"environment": "production"}
MESH = ("mesh.discovery.registry", "mesh.rpc", "mesh.http.server")
"""What takes long to import, and is imported once."""


def registry(*, begin: float = 0.0, name: str = "main", killed: int | None = None, **settings: Any) -> Program:
    """The registry, around the student's `leases.py`; `settings` are its keywords."""
    arguments = {"begin": begin, "registry": settings, "port": REGISTRY_PORT}
    return Program(host="reg", file="registry.py", name=name, arguments=arguments, killed=killed)


def instance(name: str, *, port: int = PORT, takes: float = 0.0, renews_every: float = 30.0, **attributes: str) -> Any:
    """One instance of players, as `given/players.py` is told of it. Times are seconds."""
    attributes = PRODUCTION | attributes
    return {"name": name, "port": port, "takes": takes, "renews_every": renews_every, "attributes": attributes}


def players(
    host: str,
    *instances: Mapping[str, Any],
    registered: bool = True,
    killed: int | None = None,
    begin: float = 0.0,
    name: str = "main",
    **more: Any,
) -> Program:
    """Instances of players on one host, each registered if wanted."""
    where = {"registry": REGISTRY} if registered else {}
    arguments = {"instances": [dict(each) for each in instances], "begin": begin, **where, **more}
    return Program(host=host, file="players.py", name=name, arguments=arguments, killed=killed)


def looking(host: str = "a", *, every: float = 5.0, query: Mapping[str, str] = PRODUCTION) -> Program:
    """Somebody who asks the registry each `every` seconds, and tells people what it says."""
    arguments = {"every": every, "query": dict(query), "registry": REGISTRY}
    return Program(host=host, file="looking.py", arguments=arguments)


def scene(name: str, programs: Sequence[Program], *, seconds: float, ports: Sequence[Port] = (), **more: Any) -> Scene:
    """Programs in the town, for so many seconds; people are at `a`, unless `ports` says otherwise."""
    return Scene(
        name=name,
        topology=partial(Town, **more),
        programs=tuple(programs),
        ports=tuple(ports) or (Port(host="a"),),
        limits=Limits(time=round(seconds * SECOND)),
        classify=classify,
        preload=MESH,
    )


def people(count: int, *, every: int, begin: int = 0) -> tuple[Offering, ...]:
    """`count` questions, one each `every` ns, each about another team, so that each answer is known by its text."""
    return tuple(Offering(about(f"Team {n}").question, begin + n * every) for n in range(count))


def balanced(
    balancer: str,
    takes: Mapping[str, float],
    *,
    count: int = 400,
    every: int = 25 * MILLISECOND,
    begin: int = SECOND // 10,
    later: Mapping[str, float] = {},
) -> Scene:
    """Many people ask teams, which spreads its questions over players that take so long, by `balancer`."""
    listed = {address(host): host for host in takes}
    arguments = {
        "balancer": balancer,
        "players": list(listed),
        "port": PORT,
        "later": {address(host): at for host, at in later.items()},
    }
    programs = [players(host, instance(host, takes=time), registered=False) for host, time in takes.items()]
    programs.append(Program(host="a", file="listed.py", arguments=arguments))
    port = Port(host="a", offers=people(count, every=every, begin=begin), enough=count)
    return scene(f"balanced-{balancer.replace(' ', '-')}", programs, seconds=60, ports=[port])


def teams(*, balancer: str = "peak ewma", begin: float = 0.5, **lastgood: float) -> Program:
    """The application: it asks the registry for players in production. `lastgood` are keywords of `LastGood`."""
    arguments = {
        "begin": begin,
        "balancer": balancer,
        "query": PRODUCTION,
        "lastgood": lastgood,
        "patience": 0.5,
        "registry": REGISTRY,
    }
    return Program(host="a", file="teams.py", arguments=arguments)


def outage(
    *,
    killed: int | None = None,
    again: float | None = None,
    died: int | None = None,
    late: float | None = None,
    count: int = 200,
    every: int = SECOND // 2,
    balancer: str = "by lot",
    name: str = "outage",
) -> Scene:
    """People ask, each `every` ns. The registry is `killed` (ns), and begins `again` (s) with nothing in its memory.

    p2 `died` (ns) without a word; p4 begins `late` (s).
    """
    programs = [
        registry(killed=killed, preserves_itself=False),
        players("p1", instance("p1", renews_every=10.0)),
        players("p2", instance("p2", renews_every=10.0), killed=died),
        players("p3", instance("p3", renews_every=10.0)),
        teams(balancer=balancer, refresh_every=5.0),
    ]
    if again is not None:
        programs.append(registry(begin=again, name="again", preserves_itself=False))
    if late is not None:
        programs.append(players("p4", instance("p4", renews_every=10.0), begin=late))
    port = Port(host="a", offers=people(count, every=every, begin=SECOND))
    return scene(name, programs, seconds=(count * every) / SECOND + 5, ports=[port])


LIST = scene(
    "list",
    [
        registry(preserves_itself=False),
        players("p1", instance("p1", region="eu")),
        players("p2", instance("p2", region="us"), killed=100 * SECOND),
        players("p3", instance("p3", environment="test")),
        looking(every=10.0),
    ],
    seconds=300,
)
SLOW = {"p1": 0.01, "p2": 0.01, "p3": 0.4}
ROUND_ROBIN = balanced("round robin", SLOW)
LEAST_LOADED = balanced("least loaded", SLOW)
PEAK_EWMA = balanced("peak ewma", SLOW)
OUTAGE = outage(killed=20 * SECOND, died=30 * SECOND, again=60.0, late=70.0)
APPLICATION = scene(
    "application",
    [registry(), *(players(host, instance(host)) for host in ("p1", "p2", "p3")), teams()],
    seconds=60,
    ports=[Port(host="a", offers=people(10, every=SECOND), enough=10)],
)

SCENES = {each.name: each for each in (APPLICATION, LIST, ROUND_ROBIN, LEAST_LOADED, PEAK_EWMA, OUTAGE)}
