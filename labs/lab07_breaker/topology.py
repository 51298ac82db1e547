"""A row of services, each with a line to the next; and a crowd of clients before one service, with a pager beside it.

`mn --custom labs/lab07_breaker/topology.py --topo tiers` takes them too.
"""

from itertools import pairwise
from typing import Any

from mininet.topo import Topo

LINE = {"delay": "1ms"}


def add_row(topology: Topo, hosts: tuple[str, ...], more: dict[str, Any]) -> None:
    """Hosts in a row, each joined to the next by a line of its own: 10.0.1.1 and 10.0.1.2, 10.0.2.1 and 10.0.2.2, …"""
    for place, name in enumerate(hosts):
        topology.addHost(name, ip=f"10.0.{place or 1}.{2 if place else 1}/24")
    for place, (one, other) in enumerate(pairwise(hosts), 1):
        ends = {"params1": {"ip": f"10.0.{place}.1/24"}, "params2": {"ip": f"10.0.{place}.2/24"}}
        topology.addLink(one, other, **LINE | ends | more)


class Pair(Topo):
    """Hosts teams and players; `more` are parameters of the link."""

    def build(self, **more: Any) -> None:
        """Add them."""
        add_row(self, ("teams", "players"), more)


class Tiers(Topo):
    """Four services in a row, three of which call another; `more` are parameters of each link."""

    def build(self, **more: Any) -> None:
        """Add them."""
        add_row(self, ("site", "teams", "players", "cards"), more)


class Crowd(Topo):
    """Hosts web, players and pager: many clients on web, and a line from there to each of the other two."""

    def build(self, **more: Any) -> None:
        """Add them."""
        self.addHost("web", ip="10.0.1.1/24")
        for place, name in enumerate(("players", "pager"), 1):
            self.addHost(name, ip=f"10.0.{place}.2/24")
            self.addLink("web", name, params1={"ip": f"10.0.{place}.1/24"}, **LINE | more)


topos = {"pair": Pair, "tiers": Tiers, "crowd": Crowd}
