"""Two computers that have TCP/IP; the same with a hub between them, and a third listening; and the bare line of lab 3.

`mn --custom labs/lab04_stack/topology.py --topo stack` takes them too.
"""

from typing import Any

from mininet.topo import Topo

ADDRESSES = {"a": "10.0.0.1/24", "b": "10.0.0.2/24"}
SPEED = {"bw": 1, "delay": "20ms"}
"""A line like that of lab 3: a megabit a second, 20 ms each way."""


class Stack(Topo):
    """Hosts a and b, and a line between them; `more` are parameters of the link."""

    def build(self, **more: Any) -> None:
        """Add two hosts that have addresses."""
        hosts = [self.addHost(name, ip=ip) for name, ip in ADDRESSES.items()]
        self.addLink(*hosts, **SPEED | more)


class Hub(Topo):
    """Hosts a, b and c at a hub h, which says everything that it hears to everybody else. c and h have no address."""

    def build(self, **more: Any) -> None:
        """Add them; the way from a to b is as long as in `Stack`."""
        hub = self.addHost("h", ip=None)
        for name in ("a", "b", "c"):
            host = self.addHost(name, ip=ADDRESSES.get(name))
            self.addLink(host, hub, **{"delay": "10ms"} | more)


class Line(Topo):
    """Hosts a and b without addresses, as in lab 3."""

    def build(self, **more: Any) -> None:
        """Add two hosts and the line."""
        self.addLink(self.addHost("a", ip=None), self.addHost("b", ip=None), **SPEED | more)


topos = {"stack": Stack, "hub": Hub, "line": Line}
