"""Two computers and the line between them: ten megabits a second, 10 ms each way, room for 200 frames.

The host `a` has no address that its kernel knows of: its TCP/IP is the one that you write. In `Kernel` the host `b` has
one, and so the kernel's own TCP/IP; in `Tcp` the judge plays it.

`mn --custom labs/lab04b_tcp/topology.py --topo tcp` takes it too.
"""

from typing import Any

from mininet.topo import Topo

LINE = {"bw": 10, "delay": "10ms", "max_queue_size": 200}


class Tcp(Topo):
    """A raw link between a and b."""

    def build(self, **more: Any) -> None:
        """Add two hosts and the line; `more` are parameters of the link, such as `loss=5`, or another `delay`."""
        self.addLink(self.addHost("a", ip=None), self.addHost("b", ip=None), **LINE | more)


class Kernel(Topo):
    """The same line, and at its other end a host with an address."""

    def build(self, **more: Any) -> None:
        """As in `Tcp`."""
        self.addLink(self.addHost("a", ip=None), self.addHost("b", ip="10.0.0.2/24"), **LINE | more)


topos = {"tcp": Tcp, "kernel": Kernel}
