"""Routing by distance vectors: routers tell their neighbours how far they are from everywhere, and believe the best.

Each router announces, on every link, the networks it knows and its distance to each: its *vector*. Whoever hears that
adds the cost of the link, and takes the route if it is shorter than what it has, or if it comes from the very neighbour
that it goes through already, be it better or worse. So good news travels a link an announcement. Bad news does not:
when a network is lost, two neighbours may each believe that the other still reaches it, and count each other up, step
by step, to *infinity*, which is therefore a small number (16).

Three remedies, as in RFC 2453 (RIP): a route is announced as infinite on the link through which it goes (*split
horizon with poisoned reverse*, 3.4.3), which ends every loop of two routers; a change is announced at once (*triggered
update*, 3.4.4), which makes the counting quick; and a route of which nothing was heard for `timeout` is infinite (3.8).
A loop of three routers still counts to infinity: that is what link state, and path vectors, were invented for.

What always holds: a metric lies in 1..16; only routes below 16 are in the table; the networks of a router's own links
are never taken from anybody. Left out: authentication, and different costs of links (each costs 1).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network

from netstack.forwarding import Table
from netstack.packet import Entry

INFINITY = 16
PERIOD = 30.0  # seconds between announcements: RFC 2453, 3.8
TIMEOUT = 180.0  # without news of a route before it counts as lost: RFC 2453, 3.8


@dataclass(slots=True)
class Route:
    """How a network is reached: through which link, from which neighbour, how far, and when that was last heard."""

    link: int
    neighbour: bytes
    metric: int
    heard: float


@dataclass(slots=True, kw_only=True)
class DistanceVector:
    """The routing of one router. `own` are the networks of its links, by link number. Times are seconds."""

    own: Mapping[int, IPv4Network]
    period: float = PERIOD
    timeout: float = TIMEOUT
    _routes: dict[IPv4Network, Route] = field(default_factory=dict)
    _down: set[int] = field(default_factory=set)
    _announce_at: float = 0.0

    def receive(self, link: int, neighbour: bytes, vector: Iterable[Entry], *, now: float) -> bool:
        """Take in a neighbour's vector; return whether a metric changed, so that our own must be announced at once."""
        self._down.discard(link)
        changes = [self._consider(link, neighbour, entry, now) for entry in vector]
        return self._trigger(any(changes), now)

    def link_down(self, link: int, *, now: float) -> bool:
        """A link has failed: every route through it is lost. Returns whether there was one."""
        self._down.add(link)
        return self._trigger(self._lose(lambda route: route.link == link), now)

    def next_timer(self) -> float:
        """When `handle_timer` wants to be called: the next announcement, or the end of a route's patience."""
        ends = (route.heard + self.timeout for route in self._routes.values() if route.metric < INFINITY)
        return min((*ends, self._announce_at))

    def handle_timer(self, *, now: float) -> dict[int, list[Entry]]:
        """Return what to announce now, by link; nothing when it is not yet time."""
        self._trigger(self._lose(lambda route: now >= route.heard + self.timeout), now)
        if now < self._announce_at:
            return {}
        self._announce_at = now + self.period
        return {link: self.vector(link) for link in self.own if link not in self._down}

    def vector(self, link: int) -> list[Entry]:
        """What this router announces on `link`."""
        own = [Entry(network, 1) for number, network in self.own.items() if number not in self._down]
        learned = [
            # RFC 2453, 3.4.3: a route is no good to those through whom it goes.
            Entry(network, INFINITY if route.link == link else route.metric)
            for network, route in self._routes.items()
        ]
        return sorted(own + learned, key=lambda entry: entry.network)

    def table(self) -> Table[int]:
        """The ways out, as link numbers, for forwarding."""
        table: Table[int] = Table()
        for network, route in self._routes.items():
            if route.metric < INFINITY:
                table.add(network, route.link)
        for link, network in self.own.items():
            if link not in self._down:
                table.add(network, link)
        return table

    def next_hop(self, network: IPv4Network) -> bytes | None:
        """The neighbour through which `network` is reached, or None for a network of our own or none at all."""
        route = self._routes.get(network)
        return route.neighbour if route is not None and route.metric < INFINITY else None

    def _consider(self, link: int, neighbour: bytes, entry: Entry, now: float) -> bool:
        """Apply RFC 2453, 3.9.2 to one entry; return whether our metric changed."""
        if entry.network in (network for number, network in self.own.items() if number not in self._down):
            return False
        metric = min(entry.metric + 1, INFINITY)
        known = self._routes.get(entry.network)
        if known is None:
            if metric < INFINITY:
                self._routes[entry.network] = Route(link, neighbour, metric, now)
            return metric < INFINITY
        if (known.link, known.neighbour) == (link, neighbour):
            changed, known.metric = known.metric != metric, metric
            if metric < INFINITY:
                known.heard = now
            return changed
        if metric < known.metric:
            self._routes[entry.network] = Route(link, neighbour, metric, now)
            return True
        return False

    def _lose(self, lost: Callable[[Route], bool]) -> bool:
        routes = [route for route in self._routes.values() if route.metric < INFINITY and lost(route)]
        for route in routes:
            route.metric = INFINITY
        return bool(routes)

    def _trigger(self, changed: bool, now: float) -> bool:
        if changed:
            self._announce_at = now
        return changed
