"""Two hosts and one link."""

from mininet.topo import Topo


class Pair(Topo):
    def build(self, **options):
        self.addLink(self.addHost("a"), self.addHost("b"), delay="5ms")
