"""What lab 2 plays: a switch, routers with tables by hand, and routers that find their ways, while links fail or not.

Names and numbers. The end `a` has the address 10.1.0.1 in the network 10.1.0.0/16, `b` 10.2.0.1, and so on. Between the
routers r1 and r2 lies the network 192.168.12.0/24.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

from mininet.topo import Topo

from labs.lab02_route.kinds import classify
from labs.lab02_route.topology import Line, Mesh, Ring, Row, Triangle
from labs.testbed.scene import Acting, Limits, Link, Offering, Plan, Port, Program, Scene
from netstack.wire import MILLISECOND, SECOND

PERIOD = 1.0  # seconds between two announcements of a router
SILENCE = 3  # periods after which a router takes a link for failed: given/router.py
TIMEOUT = 6.0  # seconds for which a route is believed
FRAMES = 4_000  # in one play: routers that follow the handout need a quarter of that
QUESTIONS = tuple(f"Who plays for {team}?".encode() for team in ("Herons", "雪豹", "Understudies"))

Build = Callable[[], Topo]
End = Program | Acting


def is_router(host: str) -> bool:
    return host.startswith("r")


def address_of(end: str) -> IPv4Address:
    """The address of the end called `end`."""
    return IPv4Address(f"10.{ord(end) - ord('a') + 1}.0.1")


def network_of(link: Link) -> IPv4Network:
    """The network of a link: that of its end, if there is one, or that of its two routers."""
    hosts = [interface.host for interface in link.ends]
    ends = [host for host in hosts if not is_router(host)]
    if ends:
        return IPv4Network((int(address_of(ends[0])) & ~0xFFFF, 16))
    return IPv4Network(f"192.168.{''.join(host[1:] for host in hosts)}.0/24")


def links_of(plan: Plan, host: str) -> list[Link]:
    """The links of `host`, by their numbers."""
    found = [link for link in plan.links if host in (end.host for end in link.ends)]
    return sorted(found, key=lambda link: next(end.number for end in link.ends if end.host == host))


def beyond(link: Link, host: str) -> str:
    """The host at the other end of a link of `host`."""
    first, second = (end.host for end in link.ends)
    return second if host == first else first


# Step 2: tables by hand -----------------------------------------------------------------------------------------------


def by_hand(plan: Plan, router: str) -> Program:
    """`router` with a table that says the shortest way to each end."""
    routes = [[str(network_of(link)), way] for link in plan.links if (way := _way(plan, router, link)) is not None]
    return Program(host=router, file="static_router.py", arguments={"routes": routes})


def _way(plan: Plan, router: str, wanted: Link) -> int | None:
    """The number of the link by which the shortest way to a link of an end begins; None for links of routers."""
    if all(is_router(end.host) for end in wanted.ends):
        return None
    numbered = links_of(plan, router)
    if wanted in numbered:
        return numbered.index(wanted)
    queue = deque((number, beyond(link, router)) for number, link in enumerate(numbered))
    seen = {router}
    while queue:
        number, host = queue.popleft()
        if host in seen or not is_router(host):
            continue
        seen.add(host)
        if wanted in links_of(plan, host):
            return number
        queue.extend((number, beyond(link, host)) for link in links_of(plan, host))
    return None


# Steps 3 and 4: routers that find their ways --------------------------------------------------------------------------


def by_routing(plan: Plan, router: str, *, period: float = PERIOD, timeout: float = TIMEOUT) -> Program:
    """`router` with your `routing.py`."""
    networks = [str(network_of(link)) for link in links_of(plan, router)]
    return Program(
        host=router, file="router.py", arguments={"networks": networks, "period": period, "timeout": timeout}
    )


def routed(
    name: str,
    topology: Build,
    ends: Iterable[End] = (),
    *,
    router: Callable[[Plan, str], Program] = by_routing,
    ports: Iterable[Port] = (),
    seconds: float = 60.0,
) -> Scene:
    """A scene in which the programs `ends` run, and all other routers of `topology` are what `router` makes of them."""
    plan, members = Plan.of(topology()), tuple(ends)
    taken = {member.host for member in members}
    routers = (router(plan, host) for host in plan.hosts if is_router(host) and host not in taken)
    return Scene(
        name=name,
        topology=topology,
        programs=(*routers, *members),
        ports=tuple(ports),
        classify=classify,
        limits=Limits(time=int(seconds * SECOND), grace=PAUSE, frames=FRAMES),
    )


PAUSE = 20 * MILLISECOND  # after the last answer


def people(a: str = "a", b: str = "b", others: str = "") -> tuple[End, ...]:
    """*teams* on a, *players* on b; on `others` the cards are kept as well, and nobody asks."""
    players = {"players": str(address_of(b))}
    return (
        Program(host=a, file="teams.py", arguments={"address": str(address_of(a)), **players}),
        *(Program(host=end, file="players.py", arguments={"address": str(address_of(end))}) for end in b + others),
    )


def asking(every: int = SECOND, first: int = 0, questions: Iterable[bytes] = QUESTIONS) -> tuple[Port, ...]:
    """Where people ask *teams*, one question each `every` ns from `first` on."""
    offers = tuple(Offering(question, first + number * every) for number, question in enumerate(questions))
    return (Port(host="a", offers=offers, enough=len(offers)),)


BY_HAND = routed("by-hand", Line, people(), router=by_hand, ports=asking())
LINE = routed("line", Line, people(), ports=asking())
RING = routed("ring", Ring, people(), ports=asking())
APPLICATION = replace(routed("mesh", Mesh, people(others="c"), ports=asking()), name="application")


def lasting(scene: Scene, seconds: float, *faults: str, name: str = "") -> Scene:
    """`scene` with these faults, for so long whatever people have heard by then."""
    ports = tuple(replace(port, enough=None) for port in scene.ports)
    limits = replace(scene.limits, time=int(seconds * SECOND))
    return replace(scene, name=name or scene.name, ports=ports, limits=limits).scripted(*faults)


_MANY = tuple(QUESTIONS[number % len(QUESTIONS)] for number in range(16))
FAILURE = lasting(
    routed("failure", Ring, people(), ports=asking(first=2 * SECOND, questions=_MANY)), 20, "cut r1-r2:5s-12s"
)
FLAPPING = lasting(
    routed("flapping", Ring, people(), ports=asking(first=2 * SECOND, questions=_MANY)),
    24,
    "cut r1-r2:4s-8s",
    "cut r1-r2:9s-13s",
    "cut r1-r2:14s-18s",
)
ROW = lasting(
    routed("row", Row, people(), ports=asking(every=SECOND // 4, first=2 * SECOND, questions=_MANY[:1] * 28)),
    12,
    "cut r3-r4:4s-60s",
    "cut r2-r3:6300ms-6600ms",
)
"""The last link of a row fails, and when r3 says so, its news is lost: what becomes of packets without rule 10."""
TROUBLES = lasting(
    routed("troubles", Ring, people(), ports=asking(first=3 * SECOND // 2, questions=_MANY)),
    11,
    "cut r1-r2:3200ms-7500ms",
)
"""Short, and with something of everything; step 6 shows what becomes of it when one thing is wrong."""

# A count to infinity --------------------------------------------------------------------------------------------------

BEYOND = IPv4Network("10.9.0.0/16")
"""A network somewhere behind r4, which is the only one that reaches it."""


def counting(metric: int, *, after: float, missed_by: str, seconds: float = 0.0) -> Scene:
    """The herald r4 reaches `BEYOND` at `metric` at first, and then no more. One of r1 and r2 does not hear of it.

    That is at `after` seconds, which must be something between .6 and .9 of a second: the routers announce themselves
    at .5, and the link from r3 to `missed_by` is cut from then on until the next announcement of all has passed.
    """
    lost_at = {"network": str(BEYOND), "metric": metric, "lost_at": after}
    herald = Program(host="r4", file="herald.py", arguments=lost_at)
    scene = routed("infinity", Triangle, (herald,), seconds=seconds or after + 6)
    link = {"r1": "r3-r1", "r2": "r2-r3"}[missed_by]
    return scene.scripted(f"cut {link}:{after - 0.05:.3f}s-{int(after) + 1.8:.3f}s")


TO_INFINITY = counting(2, after=6.7, missed_by="r2")

SCENES: Mapping[str, Scene] = {
    scene.name: scene for scene in (APPLICATION, BY_HAND, LINE, RING, FAILURE, FLAPPING, ROW, TROUBLES, TO_INFINITY)
}
