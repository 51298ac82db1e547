"""Routing by distance vectors, written from the handout alone: rows of four columns, changed in place."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network

from netstack.packet import Entry

INFINITY = 16

# the columns of a row
LINK = 0
METRIC = 1
HEARD = 2
OWN = 3


class DistanceVector:
    """The routing of one router. `own` are the networks of its links, by link number. Times are seconds."""

    def __init__(self, *, own: Mapping[int, IPv4Network], period: float, timeout: float) -> None:
        self._period = period
        self._timeout = timeout
        self._next = 0.0
        self._n_links = len(own)
        self._own = own
        # one row for each network: [link, metric, heard, own]
        self._rows: dict[IPv4Network, list] = {}
        for link in range(self._n_links):
            self._rows[own[link]] = [link, 1, 0.0, 1]

    def receive(self, link: int, vector: Iterable[Entry], *, now: float) -> None:
        """Take in the vector that came over `link`."""
        mine = self._rows[self._own[link]]
        if mine[METRIC] == INFINITY:  # the link is up again
            mine[METRIC] = 1
            self._next = now
        for entry in vector:
            metric = entry.metric + 1
            if metric > INFINITY:
                metric = INFINITY
            row = self._rows.get(entry.network)
            if row is None:
                if metric < INFINITY:
                    self._rows[entry.network] = [link, metric, now, 0]
                    self._next = now
                continue
            if row[OWN]:
                continue
            if row[LINK] == link:
                row[HEARD] = now
                if metric != row[METRIC]:
                    row[METRIC] = metric
                    self._next = now
            elif metric < row[METRIC]:
                row[LINK] = link
                row[METRIC] = metric
                row[HEARD] = now
                self._next = now

    def link_down(self, link: int, *, now: float) -> None:
        """A link has failed: its own network, and every route through it, is lost, until a vector comes over it."""
        for row in self._rows.values():
            if row[LINK] == link:
                row[METRIC] = INFINITY
        self._next = now

    def next_timer(self) -> float:
        """When `handle_timer` wants to be called: the next announcement, or the end of a route's patience."""
        first = self._next
        for row in self._rows.values():
            if not row[OWN] and row[METRIC] < INFINITY and row[HEARD] + self._timeout < first:
                first = row[HEARD] + self._timeout
        return first

    def handle_timer(self, *, now: float) -> dict[int, list[Entry]]:
        """Return what to announce now, by link; nothing when it is not yet time."""
        for row in self._rows.values():
            if not row[OWN] and row[METRIC] < INFINITY and now >= row[HEARD] + self._timeout:
                row[METRIC] = INFINITY
                self._next = now
        if now < self._next:
            return {}
        self._next = now + self._period
        out = {}
        for link in range(self._n_links):
            out[link] = self.vector(link)
        return out

    def vector(self, link: int) -> list[Entry]:
        """What this router has to say on `link`."""
        out = []
        for network, row in self._rows.items():
            metric = row[METRIC]
            if row[LINK] == link and not row[OWN]:
                metric = INFINITY
            out.append(Entry(network, metric))
        return out

    def ways_out(self) -> dict[IPv4Network, int]:
        """Which networks are reached, and through which link: what a table for forwarding is made of."""
        return {network: row[LINK] for network, row in self._rows.items() if row[METRIC] < INFINITY}
