"""Routing by distance vectors: routers tell their neighbours how far they are from everywhere, and believe the best.

Each router announces, on every link, the networks it knows and its distance to each: its *vector*. Whoever hears that
adds the cost of the link, and takes the route if it is shorter than what it has, or if it comes over the very link that
it goes through already, be it better or worse. So good news travels a link an announcement. Bad news does not: when a
network is lost, two neighbours may each believe that the other still reaches it, and count each other up, step by step,
to *infinity*, which is therefore a small number (16).

Three remedies, as in RFC 2453 (RIP): a route is announced as infinite on the link through which it goes (*split
horizon with poisoned reverse*, 3.4.3), which ends every loop of two routers; a change is announced at once (*triggered
update*, 3.4.4), which makes the counting quick; and a route of which nothing was heard for `timeout` is infinite (3.8).
A loop of three routers still counts to infinity: that is what link state, and path vectors, were invented for.

What always holds: a metric lies in 1..16; only routes below 16 are ways out; the networks of a router's own links are
never taken from anybody. Left out: several neighbours on one link, authentication, different costs of links (each costs
1), and garbage: a network that is lost stays in the vectors as infinite, where RFC 2453 drops it after two minutes.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network

from netstack.packet import Entry

INFINITY = 16
PERIOD = 30.0  # seconds between announcements: RFC 2453, 3.8
TIMEOUT = 180.0  # without news of a route before it counts as lost: RFC 2453, 3.8


@dataclass(slots=True)
class Route:
    """How a network is reached: through which link, how far it is, and when it was last heard to be there."""

    link: int
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

    def receive(self, link: int, vector: Iterable[Entry], *, now: float) -> None:
        """Take in the vector that came over `link`. If it changes a metric, ours is due for announcement at once."""
        came_up = link in self._down
        self._down.discard(link)
        changes = [self._consider(link, entry, now) for entry in vector]
        self._trigger(came_up or any(changes), now)

    def link_down(self, link: int, *, now: float) -> None:
        """A link has failed: its own network, and every route through it, is lost, until a vector comes over it."""
        self._down.add(link)
        self._lose(lambda route: route.link == link)
        self._trigger(True, now)

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
        # On links that have failed, too: how else should the other end learn that they are up again?
        return {link: self.vector(link) for link in self.own}

    def vector(self, link: int) -> list[Entry]:
        """What this router has to say on `link`."""
        own = [Entry(network, INFINITY if number in self._down else 1) for number, network in self.own.items()]
        learned = [
            # RFC 2453, 3.4.3: a route is no good to those through whom it goes.
            Entry(network, INFINITY if route.link == link else route.metric)
            for network, route in self._routes.items()
        ]
        return sorted(own + learned, key=lambda entry: entry.network)

    def ways_out(self) -> dict[IPv4Network, int]:
        """Which networks are reached, and through which link: what a table for forwarding is made of."""
        learned = {network: route.link for network, route in self._routes.items() if route.metric < INFINITY}
        return learned | {network: link for link, network in self.own.items() if link not in self._down}

    def _consider(self, link: int, entry: Entry, now: float) -> bool:
        """Apply RFC 2453, 3.9.2 to one entry; return whether our metric changed."""
        if entry.network in self.own.values():
            return False
        metric = min(entry.metric + 1, INFINITY)
        route = self._routes.get(entry.network)
        if route is None and metric < INFINITY:
            self._routes[entry.network] = Route(link, metric, now)
            return True
        if route is None or (route.link != link and route.metric <= metric):
            return False
        changed = route.metric != metric
        route.link, route.metric = link, metric
        if metric < INFINITY:
            route.heard = now
        return changed

    def _lose(self, lost: Callable[[Route], bool]) -> bool:
        routes = [route for route in self._routes.values() if route.metric < INFINITY and lost(route)]
        for route in routes:
            route.metric = INFINITY
        return bool(routes)

    def _trigger(self, changed: bool, now: float) -> None:
        if changed:
            self._announce_at = now
