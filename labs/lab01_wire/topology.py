"""Two computers and what joins them: first a serial line, then Ethernet, then one cable for everybody.

`mn --custom labs/lab01_wire/topology.py --topo pair` takes these too.
"""

from typing import Any

from mininet.topo import Topo


class Serial(Topo):
    """A serial line between a and b: 9600 bit/s, 16 bytes at a time. `noise` is in percent of these pieces."""

    def build(self, noise: float = 0.0, **more: Any) -> None:
        """Add two hosts and the line; `more` are further parameters of the link."""
        a, b = self.addHost("a"), self.addHost("b")
        chances = {"corrupt": noise, "loss": noise, "duplicate": noise}
        self.addLink(a, b, serial=True, mtu=16, bw=0.0096, delay="2ms", **chances, **more)


class Pair(Topo):
    """Ethernet from a to b, and nobody else."""

    def build(self, **more: Any) -> None:
        """Add two hosts and the cable; `more` are further parameters of the link."""
        self.addLink(self.addHost("a"), self.addHost("b"), bw=10, delay="1ms", **more)


class Cable(Topo):
    """One cable for a, b and c: whatever one of them sends, the others hear. The host `hub` stands for the cable."""

    def build(self) -> None:
        """Add three hosts, and the one that repeats everything to everybody."""
        stations = [self.addHost(name) for name in "abc"]
        hub = self.addHost("hub")
        for station in stations:
            self.addLink(station, hub, bw=10, delay="1ms")


topos = {"serial": Serial, "pair": Pair, "cable": Cable}
