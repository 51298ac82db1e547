"""One machine; or two that have nothing to do with each other. There is no link in this lab."""

from mininet.topo import Topo


class Machine(Topo):
    """A single host."""

    def build(self) -> None:
        """Add it."""
        self.addHost("machine")


class Copies(Topo):
    """Two hosts without a link: what the one learns the other must be told by hand."""

    def build(self) -> None:
        """Add them."""
        self.addHost("office")
        self.addHost("stadium")


topos = {"machine": Machine, "copies": Copies}
