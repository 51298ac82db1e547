"""What lab 6 plays: a registry and those who register, ask it, and call each other; and how they die."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from labs.conformance import about
from labs.lab03_flow.scenes import QUESTIONS
from labs.lab06_discovery.kinds import classify
from labs.lab06_discovery.topology import Town, address
from labs.testbed.scene import Limits, Offering, Port, Program, Scene
from netstack.wire import MILLISECOND, SECOND

PORT = 8080
"""Where everybody's services listen. That it works is a convention, and no more."""

NEW_PORT = 9090
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


def looking(
    host: str = "a",
    *,
    every: float = 5.0,
    begin: float = 0.0,
    query: Mapping[str, str] = PRODUCTION,
    at: str = "reg",
) -> Program:
    """Somebody who asks the registry `at` a host each `every` seconds from `begin` on, and tells people its answer."""
    arguments = {"begin": begin, "every": every, "query": dict(query), "registry": [address(at), REGISTRY_PORT]}
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
    begin: int = SECOND,
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
    port = Port(host="a", offers=people(count, every=every, begin=begin))
    return scene(name, programs, seconds=(begin + count * every) / SECOND + 4, ports=[port])


LIST = scene(
    "list",
    [
        registry(preserves_itself=False),
        players("p1", instance("p1", region="eu")),
        players("p2", instance("p2", region="eu"), killed=100 * SECOND),
        players("p3", instance("p3", environment="test", region="eu")),
        players("p4", instance("p4", region="us")),
        looking(every=10.0, query=PRODUCTION | {"region": "eu"}),
    ],
    seconds=300,
)
SLOW = {"p1": 0.01, "p2": 0.01, "p3": 0.4}
ROUND_ROBIN = balanced("round robin", SLOW)
LEAST_LOADED = balanced("least loaded", SLOW)
PEAK_EWMA = balanced("peak ewma", SLOW)


def partition(cut: int, back: int, died: int, *, after: int = 240, **settings: Any) -> Scene:
    """Six of eleven instances are cut off from `cut` to `back`, and one that is not died at `died`. Seconds."""
    cast = [
        registry(**settings),
        players("p1", *(instance(f"far{n}", port=PORT + n) for n in range(6))),
        players("p2", *(instance(f"near{n}", port=PORT + n) for n in range(4))),
        players("p3", instance("dies"), killed=died * SECOND),
        looking(every=10.0),
    ]
    return scene("partition", cast, seconds=back + after).scripted(f"cut r-p1:{cut}s-{back}s")


WAYS = ("balancer", "dns", "hosts", "srv")
FIRST_CHECK = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """*players* moves from p1 to p2 at `moves`, and there to another port at `changes`. Times are seconds.

    Somebody edits the hosts file at `edits`; takes the old name out of the zone at `moves`, and puts in the new one at
    `names`. The balancer checks each `interval`.
    """

    moves: float
    changes: float
    edits: float
    names: float
    ttl: int
    negative: int
    interval: int
    rise: int
    fall: int
    until: float
    every: float = 5.0

    def scene(self, name: str = "move") -> Scene:
        """Four ways to find players, side by side."""
        before, after = address("p1"), address("p2")
        programs = [
            players("p1", instance("p1"), registered=False, killed=_ns(self.moves)),
            players("p2", instance("p2"), registered=False, begin=self.moves, killed=_ns(self.changes)),
            players("p2", instance("p2", port=NEW_PORT), registered=False, begin=self.changes, name="moved"),
            Program(host="ns", file="nameserver.py", arguments=self._zone(before, after)),
            Program(host="lb", file="balancer.py", arguments=self._balancer([before, after])),
            *(self._way(way, [[0.0, f"{before} players\n"], [self.edits, f"{after} players\n"]]) for way in WAYS),
        ]
        ports = [Port(host="a", name=way, program=way) for way in WAYS]
        return scene(name, programs, seconds=self.until, ports=ports)

    def _zone(self, before: str, after: str) -> dict[str, Any]:
        edits = [
            [0.0, "p1", "A", before],
            [0.0, "p2", "A", after],
            [0.0, "players", "A", before],
            [0.0, "_players._tcp", "SRV", f"0 0 {PORT} p1.town."],
            [self.moves, "players", "A"],
            [self.moves, "_players._tcp", "SRV"],
            [self.names, "players", "A", after],
            [self.names, "_players._tcp", "SRV", f"0 0 {PORT} p2.town."],
            [self.changes, "_players._tcp", "SRV", f"0 0 {NEW_PORT} p2.town."],
        ]
        return {"ttl": self.ttl, "negative": self.negative, "edits": edits}

    def _balancer(self, backends: list[str]) -> dict[str, Any]:
        terms = {"interval": self.interval, "rise": self.rise, "fall": self.fall, "first_check": FIRST_CHECK}
        return {"backends": backends, "port": PORT, **terms}

    def _way(self, way: str, hosts: list[list[Any]]) -> Program:
        arguments = {
            "way": way,
            "every": self.every,
            "hosts": hosts,
            "nameserver": address("ns"),
            "balancer": address("lb"),
        }
        return Program(host="a", file="old_ways.py", name=way, arguments=arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One of eight players, registered at `registered`, dies at `dies`; a copy of the registry is asked. Seconds.

    A lease lasts for `duration`. The copy is made anew each `copied` seconds from `first_copy` on, and asked each
    `asked` seconds from `first_asked` on.
    """

    registered: float
    dies: float
    first_copy: float
    first_asked: float
    duration: float = 180.0
    copied: float = 30.0
    asked: float = 30.0
    until: float = 600.0

    def scene(self, name: str = "chain") -> Scene:
        """All of it: the registry, its copy, and somebody who asks that."""
        others = [instance(f"p{n}", port=PORT + n) for n in range(7)]
        copying = {"registry": REGISTRY, "begin": self.first_copy, "every": self.copied}
        programs = [
            registry(duration=self.duration),
            players("p1", *others),
            players("p2", instance("dies"), begin=self.registered, killed=_ns(self.dies)),
            Program(host="lb", file="copying.py", arguments=copying),
            looking(every=self.asked, begin=self.first_asked, at="lb"),
        ]
        return scene(name, programs, seconds=self.until)


def _ns(seconds: float) -> int:
    return round(seconds * SECOND)


CHAIN = Chain(registered=13.0, dies=127.0, first_copy=11.0, first_asked=22.0)
MOVE = Move(
    moves=61.5, changes=250.5, edits=171.5, names=83.5, ttl=42, negative=27, interval=8, rise=3, fall=2, until=330
)
OUTAGE = outage(killed=20 * SECOND, died=30 * SECOND, again=60.0, late=70.0)
APPLICATION = scene(
    "application",
    [registry(), *(players(host, instance(host)) for host in ("p1", "p2", "p3")), teams()],
    seconds=60,
    ports=[
        Port(host="a", offers=tuple(Offering(q, n * SECOND) for n, q in enumerate(QUESTIONS)), enough=len(QUESTIONS))
    ],
)

PARTITION = partition(cut=85, back=350, died=120)

SCENES = {
    each.name: each
    for each in (
        APPLICATION,
        MOVE.scene(),
        LIST,
        PARTITION,
        ROUND_ROBIN,
        LEAST_LOADED,
        PEAK_EWMA,
        OUTAGE,
        CHAIN.scene(),
    )
}
