"""Networks of several links: a switch among its stations, then routers in a line, a ring, a triangle, a mesh.

`mn --custom labs/lab02_route/topology.py --topo mesh` takes these too. Hosts called r1, r2 … are routers; the others
are ends. What is a switch or a router here is a host with several links, for what it does is what this lab asks for.
"""

from mininet.topo import Topo

DELAY = "1ms"


class Star(Topo):
    """One host in the middle, and a link to each of the others."""

    def build(self, middle: str = "switch", ends: str = "abcd") -> None:
        """Add `middle`, whose links have the numbers of the letters of `ends`."""
        self.addHost(middle, ip=None)
        for end in ends:
            self.addLink(middle, self.addHost(end, ip=None), delay=DELAY)


class Routers(Topo):
    """Routers, the links between them, and the ends, each of which lives at one router."""

    joined = ""
    ends = ""
    delay = DELAY

    def build(self, joined: str = "", ends: str = "") -> None:
        """Add everything that `joined` ("r1-r2 r2-r3") and `ends` ("a-r1 b-r3") name."""
        for pair in (joined or self.joined).split() + (ends or self.ends).split():
            first, second = pair.split("-")
            for name in (first, second):
                if name not in self.hosts():
                    self.addHost(name, ip=None)
            self.addLink(first, second, delay=self.delay)


class Line(Routers):
    """Four routers in a row, with a at the first and b at the last."""

    joined, ends = "r1-r2 r2-r3 r3-r4", "a-r1 b-r4"


class Row(Line):
    """The same with long links, on which news and packets take their time."""

    delay = "100ms"


class Ring(Routers):
    """Four routers in a ring: from a, at r1, to b, at r2, there is a short way and a long one."""

    joined, ends = "r1-r2 r2-r3 r3-r4 r4-r1", "a-r1 b-r2"


class Triangle(Routers):
    """Three routers of which each knows the others, an end at each, and a fourth router behind r3."""

    joined, ends = "r1-r2 r2-r3 r3-r1 r3-r4", "a-r1 b-r2 c-r3"


class Mesh(Routers):
    """Six routers and eight links, and three ends."""

    joined, ends = "r1-r2 r2-r3 r3-r4 r4-r1 r1-r3 r4-r5 r5-r6 r6-r2", "a-r1 b-r5 c-r6"


topos = {"star": Star, "line": Line, "row": Row, "ring": Ring, "triangle": Triangle, "mesh": Mesh}
