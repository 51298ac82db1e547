"""A town: a router in the middle, and around it the machines of services, each on a network of its own.

`mn --custom labs/lab06_discovery/topology.py --topo town` takes it too.
"""

from collections.abc import Mapping
from typing import Any

from mininet.topo import Topo

ROUTER = "r"
DELAY = "5ms"
PLACES = ("a", "reg", "p1", "p2", "p3", "p4", "ns", "lb")
"""*teams* and those who ask it at `a`, the registry at `reg`, instances of *players* at `p1` to `p4`; and of the old
ways the name server and the balancer."""


def address(host: str, places: tuple[str, ...] = PLACES) -> str:
    """The IPv4 address of a host in the town."""
    return f"10.0.{places.index(host) + 1}.1"


class Town(Topo):
    """Hosts 5 ms away from a router that joins them all; `links` are other properties of some links, by host."""

    def build(self, places: tuple[str, ...] = PLACES, links: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Add them."""
        router = self.addHost(ROUTER, ip="10.0.1.254/24", forwards=True)
        for number, place in enumerate(places, 1):
            host = self.addHost(place, ip=f"10.0.{number}.1/24", defaultRoute=f"via 10.0.{number}.254")
            properties = {"delay": DELAY} | dict((links or {}).get(place, {}))
            self.addLink(router, host, params1={"ip": f"10.0.{number}.254/24"}, **properties)


topos = {"town": Town}
