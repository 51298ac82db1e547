"""The line that every generation has to make do with: two hosts, a megabit a second, 20 ms each way.

`mn --custom labs/generations/topology.py --topo line` takes it too.
"""

from typing import Any

from mininet.topo import Topo

ADDRESSES = {"a": "10.0.0.1/24", "b": "10.0.0.2/24"}


class Line(Topo):
    """Hosts a and b, and a line between them; without addresses (`bare`) they have no TCP/IP."""

    def build(self, *, bare: bool = False, **more: Any) -> None:
        """Add them; `more` are parameters of the link."""
        hosts = [self.addHost(name, ip=None if bare else ip) for name, ip in ADDRESSES.items()]
        self.addLink(*hosts, **{"bw": 1, "delay": "20ms"} | more)


topos = {"line": Line}
