"""Forwarding: which way out for this packet?"""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

from netstack.packet import Packet


class NoRoute(Exception):
    """No prefix of the table matches the destination."""


class Expired(Exception):
    """The packet has passed as many routers as it was allowed to."""


class Table:
    """Prefixes and their ways out. A way out is a link's number here, but may be anything."""

    def __init__(self) -> None:
        self._routes: dict[IPv4Network, int] = {}

    def add(self, network: IPv4Network, way_out: int) -> None:
        """Put a route in; one to the very same prefix is replaced."""
        self._routes[network] = way_out

    def look_up(self, address: IPv4Address) -> int:
        """Return the way out of the longest prefix that holds `address`; raise `NoRoute` when there is none."""
        matching = [network for network in self._routes if address in network]
        if not matching:
            raise NoRoute(f"no route to {address}")
        return self._routes[max(matching, key=lambda network: network.prefixlen)]


def forward(packet: Packet, table: Table) -> tuple[Packet, int]:
    """Return the packet as it goes on, and the way out; raise `Expired` or `NoRoute` when it does not go on."""
    if packet.ttl <= 1:
        raise Expired(f"{packet.destination}: no time to live left")
    return replace(packet, ttl=packet.ttl - 1), table.look_up(packet.destination)
