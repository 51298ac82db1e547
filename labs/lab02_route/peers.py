"""Ends and routers that the judge plays itself, so that two wrong routers cannot agree on a wrong way."""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network

from labs.lab01_wire.peers import Timed, acting
from labs.lab02_route.scenes import PERIOD, address_of
from labs.testbed.scene import Acting
from netstack.packet import BROADCAST, NOBODY, VECTOR, Entry, Packet, build_vector, in_ethernet
from netstack.wire import SECOND

CARD = bytes.fromhex("02000000ff00")

Vector = Mapping[IPv4Network, int]
"""How far it is to each network, as somebody says."""


def net(text: str) -> IPv4Network:
    return IPv4Network(text)


def ns(seconds: float) -> int:
    return round(seconds * SECOND)


def data(destination: IPv4Address, payload: bytes, *, ttl: int = 64, source: IPv4Address = NOBODY) -> bytes:
    """The frame in which a packet leaves an end."""
    return in_ethernet(Packet(destination, source, payload, ttl), destination=BROADCAST, source=CARD)


def vector(says: Vector) -> bytes:
    """The frame in which a router says how far it is to everywhere."""
    entries = (Entry(network, metric) for network, metric in says.items())
    packet = Packet(NOBODY, NOBODY, build_vector(entries), ttl=1, kind=VECTOR)
    return in_ethernet(packet, destination=BROADCAST, source=CARD)


def sender(end: str, packets: Iterable[tuple[int, IPv4Address, bytes]], *, ttl: int = 64) -> Acting:
    """The judge at an end, which sends these packets (when, where to, saying what), and listens."""
    source = address_of(end)
    return acting(end, [(at, data(to, payload, ttl=ttl, source=source)) for at, to, payload in packets])


def listener(end: str) -> Acting:
    """The judge at an end, which only listens."""
    return acting(end)


def router(host: str, *phases: tuple[float, Vector | None], until: float, also: Iterable[Timed] = ()) -> Acting:
    """The judge as a router, which says the same once a period, from phase to phase, and each new thing at once.

    A phase is the second at which it begins and what is said from then on; None is silence. `also` is sent besides.
    """
    ends = [begin for begin, _ in phases[1:]] + [until]
    told = [frame for (begin, says), end in zip(phases, ends, strict=True) for frame in _phase(begin, end, says)]
    return acting(host, [*told, *also])


def _phase(begin: float, end: float, says: Vector | None) -> Iterator[Timed]:
    at = ns(begin)
    while says is not None and at < ns(end):
        yield at, vector(says)
        at += ns(PERIOD)
