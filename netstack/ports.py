"""Which program is this for? Ports, connections, and the queues at them, of one host.

A segment goes to the connection between exactly these two endpoints; else, if it opens one, to the listener at its
port; else nobody wants it, and a reset says so (RFC 9293, 3.10.7.1). A datagram goes to whoever is bound to its port;
a socket that is bound to one address goes before one bound to all (0).

Ports that nobody asked for by number are drawn from 49152 on, from a random start (RFC 6056, algorithm 1).
"""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from netstack.packets.tcp import ACK, RST, SYN, Tcp
from netstack.tcp import Connection, Endpoint

ANY = 0
"""The address of a socket that is bound to all addresses of its host."""

FIRST_EPHEMERAL, LAST = 49152, 65535
DATAGRAMS = 256
"""So many datagrams wait to be read; further ones are lost, and nobody is told (RFC 768 promises nothing)."""


class InUse(Exception):
    """Somebody else has this port."""


class NoPorts(Exception):
    """Every port is in use."""


@dataclass(slots=True, eq=False)
class Listener:
    """Takes connections at `local`. At most `backlog` of them wait, half open or open, to be accepted."""

    local: Endpoint
    backlog: int
    half_open: set[Connection] = field(default_factory=set)
    ready: deque[Connection] = field(default_factory=deque)
    closed: bool = False

    @property
    def is_full(self) -> bool:
        """No further connection may wait here."""
        return len(self.half_open) + len(self.ready) >= self.backlog


@dataclass(slots=True, eq=False)
class Mailbox:
    """A UDP socket, bound to `local`. `remote`, if set, is the only one it hears. `refused`: nobody is there."""

    local: Endpoint
    remote: Endpoint | None = None
    waiting: deque[tuple[bytes, Endpoint]] = field(default_factory=lambda: deque(maxlen=None))
    refused: bool = False

    def receive(self, payload: bytes, source: Endpoint) -> bool:
        """Take in a datagram; return whether it is kept."""
        if len(self.waiting) >= DATAGRAMS or self.remote not in (None, source):
            return False
        self.waiting.append((payload, source))
        return True


@dataclass(slots=True)
class Ports:
    """All ports of one host."""

    randomness: random.Random
    connections: dict[tuple[Endpoint, Endpoint], Connection] = field(default_factory=dict)
    bound: set[Endpoint] = field(default_factory=set)  # TCP sockets have these, to listen there or to connect from
    listeners: dict[Endpoint, Listener] = field(default_factory=dict)
    mailboxes: dict[Endpoint, Mailbox] = field(default_factory=dict)

    def listener_at(self, local: Endpoint) -> Listener | None:
        """Who takes connections to `local`."""
        return self.listeners.get(local) or self.listeners.get((ANY, local[1]))

    def mailbox_at(self, local: Endpoint) -> Mailbox | None:
        """Who takes datagrams to `local`."""
        return self.mailboxes.get(local) or self.mailboxes.get((ANY, local[1]))

    def bind(self, local: Endpoint) -> None:
        """Take a TCP port for a socket; raises `InUse` when another one has it, or listens there."""
        if any(port == local[1] and ANY in (address, local[0]) for address, port in (*self.bound, *self.listeners)):
            raise InUse(f"somebody has port {local[1]} already")
        if local in self.bound or local in self.listeners:
            raise InUse(f"somebody has port {local[1]} already")
        self.bound.add(local)

    def listen(self, local: Endpoint, backlog: int) -> Listener:
        """Raises `InUse`, also when the one address is among the other's (0)."""
        if any(port == local[1] and ANY in (address, local[0]) for address, port in self.listeners):
            raise InUse(f"somebody listens at port {local[1]} already")
        if local in self.listeners:
            raise InUse(f"somebody listens at port {local[1]} already")
        listener = self.listeners[local] = Listener(local, max(1, backlog))
        return listener

    def open_mailbox(self, local: Endpoint) -> Mailbox:
        """Raises `InUse`."""
        if any(
            port == local[1] and (address == local[0] or ANY in (address, local[0])) for address, port in self.mailboxes
        ):
            raise InUse(f"somebody receives at UDP port {local[1]} already")
        mailbox = self.mailboxes[local] = Mailbox(local)
        return mailbox

    def draw_port(self, *, udp: bool = False) -> int:
        """A port that nobody uses, whatever the address; raises `NoPorts`."""
        used = {port for _, port in (self.mailboxes if udp else self.listeners)}
        if not udp:
            used.update(local[1] for local, _ in self.connections)
            used.update(port for _, port in self.bound)
        count = LAST + 1 - FIRST_EPHEMERAL
        start = self.randomness.randrange(count)
        for step in range(count):
            if (port := FIRST_EPHEMERAL + (start + step) % count) not in used:
                return port
        raise NoPorts("every port of this host is in use")

    def forget(self, connection: Connection) -> None:
        """`connection` is no more."""
        self.connections.pop((connection.local, connection.remote), None)

    def close_listener(self, listener: Listener) -> Iterator[Connection]:
        """Take no more connections; yield those that nobody has accepted, to be aborted."""
        listener.closed = True
        self.listeners.pop(listener.local, None)
        yield from (*listener.half_open, *listener.ready)
        listener.half_open.clear()
        listener.ready.clear()


def reset_for(segment: Tcp) -> Tcp | None:
    """What to answer to a segment that belongs to no connection; None to a reset (RFC 9293, 3.10.7.1)."""
    if segment.flags & RST:
        return None
    if segment.flags & ACK:
        return Tcp(segment.destination_port, segment.source_port, segment.acknowledgement, 0, RST, 0)
    number = (segment.sequence + segment.segment_length) % 2**32
    return Tcp(segment.destination_port, segment.source_port, 0, number, RST | ACK, 0)


def opens(segment: Tcp) -> bool:
    """Whether a segment asks for a connection."""
    return segment.flags & (SYN | ACK | RST) == SYN
