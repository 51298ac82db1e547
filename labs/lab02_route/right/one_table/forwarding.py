"""Forwarding by a list that is kept in order: the longest prefix first, and the first that matches decides."""

from bisect import insort

from netstack.packet import Packet


class NoRoute(Exception):
    pass


class Expired(Exception):
    pass


class Table:
    def __init__(self):
        self._rows = []

    def add(self, network, way_out):
        self._rows = [row for row in self._rows if row[1] != network]
        insort(self._rows, (32 - network.prefixlen, network, way_out))

    def look_up(self, address):
        for _, network, way_out in self._rows:
            if address in network:
                return way_out
        raise NoRoute(f"{address} is in none of {len(self._rows)} prefixes")


def forward(packet, table):
    if packet.ttl < 2:
        raise Expired(f"{packet.source} -> {packet.destination}")
    older = Packet(packet.destination, packet.source, packet.payload, packet.ttl - 1, packet.kind)
    return older, table.look_up(packet.destination)
