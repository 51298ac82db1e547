"""Two computers and a line; and four rooms of one house: a hub, and three hosts at it, one of whom is a neighbour.

`mn --custom labs/lab05_fallacies/topology.py --topo house` takes them too.
"""

from typing import Any

from mininet.topo import Topo

ADDRESSES = {"a": "10.0.0.1/24", "b": "10.0.0.2/24", "c": "10.0.0.3/24"}


class Pair(Topo):
    """Hosts a and b, and a line between them; `more` are parameters of the link."""

    def build(self, **more: Any) -> None:
        """Add two hosts that have addresses."""
        hosts = [self.addHost(name, ip=ADDRESSES[name]) for name in "ab"]
        self.addLink(*hosts, **{"bw": 10, "delay": "20ms"} | more)


class House(Topo):
    """Hosts a, b and c at m, which has no address: whatever passes from one to another passes there.

    `a`, `b`, `c` are parameters of the three links, beyond their speed and a delay of 5 ms.
    """

    def build(
        self, a: dict[str, Any] | None = None, b: dict[str, Any] | None = None, c: dict[str, Any] | None = None
    ) -> None:
        """Add them."""
        middle = self.addHost("m", ip=None)
        for name, more in zip("abc", (a, b, c), strict=True):
            self.addLink(self.addHost(name, ip=ADDRESSES[name]), middle, **{"bw": 10, "delay": "5ms"} | (more or {}))


topos = {"pair": Pair, "house": House}
