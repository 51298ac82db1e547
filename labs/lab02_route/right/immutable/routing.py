"""Routing by distance vectors, written from the handout alone: routes are frozen, and a change is a new dictionary."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Network

from netstack.packet import Entry

INFINITY = 16


@dataclass(frozen=True)
class Route:
    """A way to a network: through which link, how far, and when we last heard of it."""

    link: int
    metric: int
    heard: float

    @property
    def lost(self) -> bool:
        return self.metric >= INFINITY


class DistanceVector:
    """The routing of one router. `own` are the networks of its links, by link number. Times are seconds."""

    def __init__(self, *, own: Mapping[int, IPv4Network], period: float, timeout: float) -> None:
        self._own = dict(own)
        self._period = period
        self._timeout = timeout
        self._routes: dict[IPv4Network, Route] = {
            network: Route(link, 1, math.inf) for link, network in self._own.items()
        }
        self._due = 0.0

    def receive(self, link: int, vector: Iterable[Entry], *, now: float) -> None:
        """Take in the vector that came over `link`."""
        own = {self._own[link]: Route(link, 1, math.inf)}
        heard = {
            entry.network: Route(link, min(entry.metric + 1, INFINITY), now)
            for entry in vector
            if entry.network not in self._own.values()
        }
        self._update(own | {network: route for network, route in heard.items() if self._believes(network, route)}, now)

    def _believes(self, network: IPv4Network, route: Route) -> bool:
        """The next hop of a route knows best; anybody else has to offer something nearer."""
        known = self._routes.get(network)
        if known is None:
            return not route.lost
        return route.link == known.link or route.metric < known.metric

    def _update(self, routes: Mapping[IPv4Network, Route], now: float) -> None:
        """Take in these routes; when a metric changes by it, announce at once."""
        if any(
            network not in self._routes or self._routes[network].metric != route.metric
            for network, route in routes.items()
        ):
            self._due = now
        self._routes |= routes

    def _lose(self, networks: Iterable[IPv4Network], now: float) -> None:
        self._update({network: replace(self._routes[network], metric=INFINITY) for network in networks}, now)

    def link_down(self, link: int, *, now: float) -> None:
        """A link has failed: its own network, and every route through it, is lost, until a vector comes over it."""
        self._lose([network for network, route in self._routes.items() if route.link == link], now)

    def next_timer(self) -> float:
        """When `handle_timer` wants to be called: the next announcement, or the end of a route's patience."""
        return min([self._due, *(route.heard + self._timeout for route in self._routes.values() if not route.lost)])

    def handle_timer(self, *, now: float) -> dict[int, list[Entry]]:
        """Return what to announce now, by link; nothing when it is not yet time."""
        self._lose(
            [n for n, route in self._routes.items() if not route.lost and now >= route.heard + self._timeout], now
        )
        if now < self._due:
            return {}
        self._due = now + self._period
        return {link: self.vector(link) for link in self._own}

    def vector(self, link: int) -> list[Entry]:
        """What this router has to say on `link`: split horizon with poisoned reverse."""
        return [
            Entry(network, INFINITY if route.link == link and network not in self._own.values() else route.metric)
            for network, route in self._routes.items()
        ]

    def ways_out(self) -> dict[IPv4Network, int]:
        """Which networks are reached, and through which link: what a table for forwarding is made of."""
        return {network: route.link for network, route in self._routes.items() if not route.lost}
