"""Two computers and the line between them: a megabit a second, 20 ms each way.

`mn --custom labs/lab03_flow/topology.py --topo flow` takes it too.
"""

from typing import Any

from mininet.topo import Topo


class Flow(Topo):
    """Ethernet from a to b, long enough that it matters."""

    def build(self, **more: Any) -> None:
        """Add two hosts and the line; `more` are parameters of the link, such as `loss=5`, or another `delay`."""
        self.addLink(self.addHost("a", ip=None), self.addHost("b", ip=None), **{"bw": 1, "delay": "20ms"} | more)


topos = {"flow": Flow}
