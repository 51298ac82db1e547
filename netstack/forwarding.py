"""Forwarding: which way out for this packet?

A router knows networks, not hosts: a table of prefixes, each with a way out. Prefixes may contain one another, and the
*longest* that matches decides, so that an exception can be carved out of a rule (RFC 1812, 5.2.4.3). Each router takes
one from the packet's time to live and drops it at nought, for otherwise a loop in the tables would carry it for ever
(RFC 1812, 5.3.1).

What always holds: `forward` never returns a packet with the time to live it came with, or one that had none left.
"""

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network
from typing import Generic, TypeVar

from netstack.packet import Packet

WayOut = TypeVar("WayOut")


class NoRoute(Exception):
    """No prefix of the table matches the destination."""


class Expired(Exception):
    """The packet has passed as many routers as it was allowed to."""


@dataclass(slots=True)
class Table(Generic[WayOut]):
    """Prefixes and their ways out. What a way out is (a link's number, an address), its user decides."""

    _routes: dict[IPv4Network, WayOut] = field(default_factory=dict)

    def add(self, network: IPv4Network, way_out: WayOut) -> None:
        """Put a route in; one to the very same prefix is replaced."""
        self._routes[network] = way_out

    def look_up(self, address: IPv4Address) -> WayOut:
        """The way out of the longest prefix that holds `address`; raises `NoRoute`."""
        for length in range(32, -1, -1):
            network = IPv4Network((address, length), strict=False)
            if network in self._routes:
                return self._routes[network]
        raise NoRoute(f"no route to {address}")


def forward(packet: Packet, table: Table[WayOut]) -> tuple[Packet, WayOut]:
    """Return the packet as it goes on, and the way out; raises `Expired` or `NoRoute`."""
    if packet.ttl <= 1:
        raise Expired(f"the packet from {packet.source} to {packet.destination} was passed on too often")
    return replace(packet, ttl=packet.ttl - 1), table.look_up(packet.destination)
