"""What more than one check of this lab expects."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from ipaddress import IPv4Network
from itertools import permutations
from typing import Any

from labs.lab02_route.evidence import INFINITY, Trips, distance, last_said, metric, trips, way, when
from labs.lab02_route.peers import Vector, ns, sender
from labs.lab02_route.scenes import Build, address_of, beyond, by_routing, is_router, links_of, network_of, routed
from labs.story.trace import Trace
from labs.testbed.judge import Judge
from labs.testbed.scene import Plan
from labs.testbed.unit import Script
from netstack.wire import MILLISECOND

PATIENT = partial(by_routing, timeout=60.0)
"""A router that forgets nothing while good news is what a scene is about."""

SETTLED = 8.0  # seconds after which good news has reached everybody, a link a period


def says(right: Vector) -> Callable[[Any], bool]:
    """Whether a value is a list of these entries, in any order, in a unit script."""
    return lambda value: entries(value) == right


def announces(right: Mapping[int, Vector]) -> Callable[[Any], bool]:
    """Whether a value is these vectors by link, in a unit script."""
    return lambda value: {link: entries(vector) for link, vector in value.items()} == right


def entries(value: Any) -> Vector:
    """A list of entries that a unit script has got, as a vector."""
    return {entry.attributes["network"]: entry.attributes["metric"] for entry in value}


def hear(script: Script, link: int, says: Vector, *, now: float, router: str = "router") -> None:
    """Have a router, in a unit script, take in a vector that comes over `link`."""
    vector = [
        script.make("netstack.packet.Entry", network, metric, store=f"{network}: {metric}")
        for network, metric in says.items()
    ]
    script.call(f"{router}.receive", link, vector, keywords={"now": now}, because=f"a vector comes over link {link}")


def own_networks(topology: Build, router: str) -> Vector:
    """The networks of a router's own links, all of which are at 1."""
    return {network_of(link): 1 for link in links_of(Plan.of(topology()), router)}


def expect_way(judge: Judge, identity: str, found: Trips, payload: str, right: str, because: str) -> None:
    """Expect that the packet with this payload crossed these links (`a-r1, r1-r2`), and no others."""
    trip = found[payload.encode()]
    judge.expect(
        identity,
        way(trip) == right,
        f"the packet '{payload}' goes {right}: {because}",
        found=f"it went {way(trip)}",
        frame=trip[-1][0] if trip else None,
    )


def expect_shortest(judge: Judge, name: str, topology: Build, *, ends: str) -> None:
    """Play routers without any trouble; expect right vectors from all, and packets that take shortest ways."""
    plan, begin = Plan.of(topology()), ns(SETTLED)
    packets = {
        (start, end): (begin + n * MILLISECOND, address_of(end), f"{start} to {end}".encode())
        for n, (start, end) in enumerate(permutations(ends, 2))
    }
    senders = [sender(end, [packet for (start, _), packet in packets.items() if start == end]) for end in ends]
    trace = judge.play(routed(name, topology, senders, router=PATIENT, seconds=SETTLED + 0.1))
    expect_right_vectors(judge, trace, plan, by=begin)
    found = trips(trace)
    for (start, end), (_, _, payload) in packets.items():
        expect_shortest_way(judge, found, plan, start, end, payload)


def expect_shortest_way(
    judge: Judge, found: Trips, plan: Plan, start: str, end: str, payload: bytes, broken: Collection[str] = ()
) -> None:
    """Expect that a packet from one end to another crosses as few links as can be, and is one older on each."""
    home, target = links_of(plan, start)[0], links_of(plan, end)[0]
    links = 1 + distance(plan, beyond(home, start), network_of(target), broken)
    trip = found[payload]
    arrived = bool(trip) and trip[-1][0].direction == target.direction(beyond(target, end))
    judge.expect("way:arrives", arrived, f"the packet from {start} to {end} arrives", found=f"its way: {way(trip)}")
    judge.expect(
        "way:shortest",
        len(trip) == links,
        f"the packet from {start} to {end} crosses {links} links, for there is no shorter way",
        found=f"it crossed {len(trip)}: {way(trip)}",
        frame=trip[-1][0],
    )


def expect_right_vectors(
    judge: Judge, trace: Trace, plan: Plan, *, by: int, broken: Collection[str] = (), poisoned: bool = False
) -> None:
    """Expect that the last vector on each link says how far everything is.

    Of a network that may be reached through that very link, a vector may say infinity; if it cannot be reached as well
    by another, and vectors are to be `poisoned`, it must.
    """
    for link in plan.links:
        for host in (end.host for end in link.ends):
            if not is_router(host) or link.name in broken:
                continue
            frame, vector = last_said(trace, link.direction(host), by)
            for network in map(network_of, plan.links):
                right = _right(plan, host, link.name, network, broken, poisoned)
                in_words = " or ".join(map(str, right))
                judge.expect(
                    "vector:right",
                    metric(vector, network) in right,
                    f"by {when(by)}, {host} says on {link.name} that {network} is at {in_words}",
                    found=f"it says {metric(vector, network)}" if frame else "it said nothing",
                    frame=frame,
                )


def _right(
    plan: Plan, router: str, through: str, network: IPv4Network, broken: Collection[str], poisoned: bool
) -> list[int]:
    """What a router may say of a network on the link `through`, in the order of likelihood."""
    far = distance(plan, router, network, broken)
    by_it = distance(plan, router, network, [*broken, through])
    other = next(beyond(link, router) for link in links_of(plan, router) if link.name == through)
    if far == INFINITY or not is_router(other):
        return [far]
    if far == 1:  # its own: that of the link itself may be left out there, as everybody on it knows it
        return (
            [1, INFINITY] if any(link.name == through and network_of(link) == network for link in plan.links) else [1]
        )
    if distance(plan, other, network, broken) != far - 1:
        return [far]
    return [INFINITY] if poisoned and by_it > far else [far, INFINITY]
