"""Routing by distance vectors: routers tell their neighbours how far they are from everywhere, and believe the best.

So far this router knows the networks of its own links and keeps that to itself. The handout, steps 3 and 4, says what
to write.
"""

import math
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network

from netstack.packet import Entry

INFINITY = 16


class DistanceVector:
    """The routing of one router. `own` are the networks of its links, by link number. Times are seconds."""

    def __init__(self, *, own: Mapping[int, IPv4Network], period: float, timeout: float) -> None:
        self._own = own

    def receive(self, link: int, vector: Iterable[Entry], *, now: float) -> None:
        """Take in the vector that came over `link`."""

    def link_down(self, link: int, *, now: float) -> None:
        """A link has failed: its own network, and every route through it, is lost, until a vector comes over it."""

    def next_timer(self) -> float:
        """When `handle_timer` wants to be called: the next announcement, or the end of a route's patience."""
        return math.inf

    def handle_timer(self, *, now: float) -> dict[int, list[Entry]]:
        """Return what to announce now, by link; nothing when it is not yet time."""
        return {}

    def vector(self, link: int) -> list[Entry]:
        """What this router has to say on `link`."""
        return [Entry(network, 1) for network in self._own.values()]

    def ways_out(self) -> dict[IPv4Network, int]:
        """Which networks are reached, and through which link: what a table for forwarding is made of."""
        return {network: link for link, network in self._own.items()}
