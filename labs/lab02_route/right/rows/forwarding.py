"""Forwarding, written from the handout alone: masks and numbers, looked through from one end to the other."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

from netstack.packet import Packet


class NoRoute(Exception):
    """No prefix of the table matches the destination."""


class Expired(Exception):
    """The packet has passed as many routers as it was allowed to."""


class Table:
    """Rows of (network, mask, prefix length, way out), in no order."""

    def __init__(self) -> None:
        self._rows: list[list[int]] = []

    def add(self, network: IPv4Network, way_out: int) -> None:
        """Put a route in; one to the very same prefix is replaced."""
        number = int(network.network_address)
        mask = int(network.netmask)
        for i in range(len(self._rows)):
            if self._rows[i][0] == number and self._rows[i][1] == mask:
                self._rows[i][3] = way_out
                return
        self._rows.append([number, mask, network.prefixlen, way_out])

    def look_up(self, address: IPv4Address) -> int:
        """Return the way out of the longest prefix that holds `address`; raise `NoRoute` when there is none."""
        a = int(address)
        best_len = -1
        best = -1
        for number, mask, length, way_out in self._rows:
            if a & mask == number and length > best_len:
                best_len = length
                best = way_out
        if best == -1:
            raise NoRoute(f"no route to {address}")
        return best


def forward(packet: Packet, table: Table) -> tuple[Packet, int]:
    """Return the packet as it goes on, and the way out; raise `Expired` or `NoRoute` when it does not go on."""
    ttl = packet.ttl - 1
    if ttl <= 0:
        raise Expired
    return replace(packet, ttl=ttl), table.look_up(packet.destination)
