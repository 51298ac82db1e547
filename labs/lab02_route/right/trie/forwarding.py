"""Forwarding by a tree of bits: a prefix is a path from the root, and the last way out on an address's path is its."""

import dataclasses


class NoRoute(Exception):
    pass


class Expired(Exception):
    pass


class Table:
    def __init__(self):
        self._root = {}

    def add(self, network, way_out):
        node = self._root
        for bit in self._bits(network.network_address)[: network.prefixlen]:
            node = node.setdefault(bit, {})
        node["way out"] = way_out

    def look_up(self, address):
        node, best = self._root, []
        for bit in [*self._bits(address), "end"]:
            if "way out" in node:
                best = [node["way out"]]
            if bit not in node:
                break
            node = node[bit]
        if not best:
            raise NoRoute(str(address))
        return best[0]

    def _bits(self, address):
        return f"{int(address):032b}"


def forward(packet, table):
    left = packet.ttl - 1
    if left < 1:
        raise Expired(str(packet.destination))
    return dataclasses.replace(packet, ttl=left), table.look_up(packet.destination)
