"""What the judge reads out of a trace: what routers said when, which way packets took; and what is right."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from ipaddress import IPv4Network

from labs.lab02_route.peers import Vector
from labs.lab02_route.scenes import beyond, is_router, links_of, network_of
from labs.story.trace import FrameEvent, Trace
from labs.testbed.scene import Plan
from netstack.packet import DATA, VECTOR, Packet, PacketError, from_ethernet, parse_vector
from netstack.wire import SECOND

INFINITY = 16

Trips = Mapping[bytes, list[tuple[FrameEvent, Packet]]]
"""The frames in which each payload travelled, in order; none for one that did not."""


def packet_in(frame: bytes) -> Packet | None:
    try:
        return from_ethernet(frame)
    except PacketError:
        return None


def said(trace: Trace, direction: str) -> list[tuple[FrameEvent, Vector]]:
    """The vectors that were sent in a direction, with their frames, in order."""
    return [(frame, vector) for frame in trace.frames(direction) if (vector := _vector(frame)) is not None]


def _vector(frame: FrameEvent) -> Vector | None:
    packet = packet_in(frame.data)
    if packet is None or packet.kind != VECTOR:
        return None
    try:
        return {entry.network: entry.metric for entry in parse_vector(packet.payload)}
    except PacketError:
        return None


def last_said(trace: Trace, direction: str, by: int) -> tuple[FrameEvent | None, Vector]:
    """The last vector that was sent in a direction until `by` (ns)."""
    return next((each for each in reversed(said(trace, direction)) if each[0].at <= by), (None, {}))


def metric(vector: Vector, network: IPv4Network) -> int:
    """What a vector says of a network; what it does not mention is infinitely far."""
    return vector.get(network, INFINITY)


def trips(trace: Trace) -> Trips:
    """The frames in which each payload travelled, in order."""
    found = defaultdict(list)
    for frame in trace.frames():
        packet = packet_in(frame.data)
        if packet is not None and packet.kind == DATA:
            found[packet.payload].append((frame, packet))
    return found


def way(trip: Iterable[tuple[FrameEvent, Packet]]) -> str:
    """A trip in words: `a-r1, r1-r2`."""
    return ", ".join(frame.direction + (" (lost)" if frame.lost else "") for frame, _ in trip) or "nowhere"


def distance(plan: Plan, start: str, network: IPv4Network, broken: Collection[str] = ()) -> int:
    """How far it is from a router to a network when these links are broken: by breadth-first search."""
    distances, queue = {start: 1}, deque([start])
    while queue:
        host = queue.popleft()
        for link in links_of(plan, host):
            if link.name in broken:
                continue
            if network_of(link) == network:
                return distances[host]
            other = beyond(link, host)
            if is_router(other) and other not in distances:
                distances[other] = distances[host] + 1
                queue.append(other)
    return INFINITY


def when(nanoseconds: int) -> str:
    return f"{nanoseconds / SECOND:g} s"
