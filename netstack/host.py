"""A host: interfaces below, ports above, and one TCP/IP between them, without any input or output.

    host = Host(interfaces=[Interface("eth0", mac, ip, prefix)], randomness=random.Random(seed))
    host.receive(0, frame, now=now)                      a frame has come on interface 0
    host.frames_to_send()                                what is to be sent now: (interface, frame), after each call
    host.next_timer(), host.handle_timer(now=now)        the only timer that its driver needs
    host.touched()                                       connections, listeners and mailboxes to look at again

Whoever drives it, a simulation's judge or a loop around a packet socket, sees frames and one timer. Whoever uses it
sees connections (`netstack.tcp`), listeners and mailboxes (`netstack.ports`); after doing something with a connection,
it calls `push`, so that what came of it is sent. `netstack.sockets` makes trio's sockets of all this.

What it does: ARP; IPv4 by a table of longest prefixes, with loopback, and forwarding if `forwards`; ICMP echo, and the
errors that RFC 1122 wants; UDP and TCP. **What it does not do**: fragments, IP options, multicast, IP broadcast, IPv6.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from netstack.internet import Interface, Internet, Unreachable, Way
from netstack.packets import CE, ECT0, NOT_ECT, Icmp, IPv4, PacketError, Tcp, Udp, icmp, tcp, udp
from netstack.ports import ANY, InUse, Listener, Mailbox, Ports, opens, reset_for
from netstack.tcp import OURS, Connection, Endpoint, Failure, Parts, Settings, State, initial_sequence_number
from netstack.timers import Timers

TCP_AND_IP_HEADERS = 40

Touched = Connection | Listener | Mailbox

__all__ = ["Host", "Interface", "Touched", "Unreachable", "Way"]


@dataclass(slots=True, kw_only=True, eq=False)
class Host:
    """All of one host's networking. Times are seconds, addresses 32-bit numbers.

    What is for no neighbour goes to the `gateway`, which is one, and to wherever `internet.add_route` says.
    """

    interfaces: Sequence[Interface]
    randomness: random.Random
    settings: Settings = Settings()
    parts: Parts = OURS
    draw_isn: Callable[..., int] = initial_sequence_number
    """How a connection's first number is drawn: only who wants to see numbers go round has a reason for another."""
    forwards: bool = False
    gateway: int | None = None
    internet: Internet = field(init=False)
    ports: Ports = field(init=False)
    _secret: bytes = field(init=False)
    _unpushed: dict[Connection, None] = field(default_factory=dict)
    _touched: dict[Touched, None] = field(default_factory=dict)
    _timers: Timers[Connection] = field(default_factory=Timers)
    _waits_for: dict[Connection, Listener] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.internet = Internet(interfaces=self.interfaces, forwards=self.forwards, gateway=self.gateway)
        self.ports = Ports(self.randomness)
        self._secret = self.randomness.randbytes(16)

    # Frames

    def frames_to_send(self) -> list[tuple[int, bytes]]:
        """What is to be sent now, in order: interfaces' numbers, and frames."""
        return self.internet.frames_to_send()

    def receive(self, interface: int, frame: bytes, *, now: float) -> None:
        """Take in a frame; one that is not for us, or is none, is ignored."""
        self.receive_burst(interface, (frame,), now=now)

    def receive_burst(self, interface: int, frames: Iterable[bytes], *, now: float) -> None:
        """Take in frames that have come at once, and only then say what is to be said to them.

        So one acknowledgement may stand for many segments, as it does on Linux, whose cards put them together.
        """
        for frame in frames:
            if (packet := self.internet.receive(interface, frame, now=now)) is not None:
                self._take(packet, now=now)
        self._push_all(now)
        self._deliver_local(now)

    def _deliver_local(self, now: float) -> None:
        """What this host has sent to itself arrives at once, in order."""
        while self.internet.local:
            self._take(self.internet.local.popleft(), now=now)
            self._push_all(now)

    # Protocols

    def _take(self, packet: IPv4, *, now: float) -> None:
        try:
            if packet.protocol == tcp.PROTOCOL:
                self._take_tcp(packet, now=now)
            elif packet.protocol == udp.PROTOCOL:
                self._take_udp(packet, now=now)
            elif packet.protocol == icmp.PROTOCOL:
                self._take_icmp(packet, Icmp.parse(packet.payload), now=now)
            else:
                error = icmp.unreachable(icmp.PROTOCOL_UNREACHABLE, packet.build())
                self.internet.send_error(packet, error, now=now)
        except PacketError:
            return

    def _take_icmp(self, packet: IPv4, message: Icmp, *, now: float) -> None:
        if message.type == icmp.ECHO_REQUEST:
            reply = IPv4(packet.destination, packet.source, icmp.PROTOCOL, icmp.echo_reply(message).build())
            try:
                self.internet.send(reply, now=now)
            except Unreachable:
                return
        elif message.type == icmp.DESTINATION_UNREACHABLE:
            self._take_unreachable(message)

    def _take_unreachable(self, message: Icmp) -> None:
        """What we sent did not arrive. Only a connection that is not open yet gives up for that (RFC 1122, 4.2.3.9)."""
        quoted = message.payload
        if len(quoted) < 28 or quoted[0] >> 4 != 4:
            return
        transport = quoted[(quoted[0] & 15) * 4 :]
        ours = int.from_bytes(quoted[12:16], "big"), int.from_bytes(transport[:2], "big")
        theirs = int.from_bytes(quoted[16:20], "big"), int.from_bytes(transport[2:4], "big")
        if quoted[9] == tcp.PROTOCOL and (connection := self.ports.connections.get((ours, theirs))) is not None:
            # RFC 5927 (4.1): a message that quotes no number of ours is made up.
            is_ours = int.from_bytes(transport[4:8], "big") == connection.sender.first % 2**32
            if connection.state in (State.SYN_SENT, State.SYN_RECEIVED) and is_ours:
                refused = message.code == icmp.PORT_UNREACHABLE
                connection.fail(Failure.REFUSED if refused else Failure.UNREACHABLE)
                self._settle(connection)
        elif (
            quoted[9] == udp.PROTOCOL
            and (mailbox := self.ports.mailbox_at(ours)) is not None
            and mailbox.remote == theirs
        ):
            mailbox.refused = True
            self._touched[mailbox] = None

    def _take_udp(self, packet: IPv4, *, now: float) -> None:
        datagram = Udp.parse(packet.payload, packet.source, packet.destination)
        mailbox = self.ports.mailbox_at((packet.destination, datagram.destination_port))
        if mailbox is None:
            error = icmp.unreachable(icmp.PORT_UNREACHABLE, packet.build())
            self.internet.send_error(packet, error, now=now)
        elif mailbox.receive(datagram.payload, (packet.source, datagram.source_port)):
            self._touched[mailbox] = None

    def _take_tcp(self, packet: IPv4, *, now: float) -> None:
        segment = Tcp.parse(packet.payload, packet.source, packet.destination)
        local, remote = (packet.destination, segment.destination_port), (packet.source, segment.source_port)
        connection = self.ports.connections.get((local, remote))
        if connection is not None and opens(segment) and connection.yields_to(segment):
            self._end(connection)
            connection = None
        if connection is None and opens(segment):
            connection = self._answer_syn(segment, local, remote, now=now)
        elif connection is not None:
            wanted = connection.receiver.wanted
            connection.receive(segment, now=now, marked=packet.ecn == CE)
            self._settle(connection)
            if segment.payload and connection.receiver.wanted != wanted + len(segment.payload):
                self.push(connection, now=now)  # RFC 5681 (4.2): out of order, and somebody counts the answers.
        elif (reset := reset_for(segment)) is not None:
            self._send_tcp(reset, local, remote, now=now)
        if connection is not None:
            self._unpushed[connection] = None

    def _push_all(self, now: float) -> None:
        """Send what comes of the segments taken in."""
        while self._unpushed:
            unpushed, self._unpushed = self._unpushed, {}
            for connection in unpushed:
                self.push(connection, now=now)

    def _answer_syn(self, segment: Tcp, local: Endpoint, remote: Endpoint, *, now: float) -> Connection | None:
        listener = self.ports.listener_at(local)
        if listener is None:
            if (reset := reset_for(segment)) is not None:
                self._send_tcp(reset, local, remote, now=now)
            return None
        if listener.is_full:
            return None  # Let it try again; perhaps somebody has accepted one by then.
        try:
            settings = self._settings_for(remote[0])
        except Unreachable:
            return None  # No answer would reach it.
        connection = Connection.accept(
            local,
            remote,
            segment,
            isn=self.draw_isn(local, remote, secret=self._secret, now=now),
            now=now,
            settings=settings,
            parts=self.parts,
        )
        self.ports.connections[local, remote] = connection
        listener.half_open.add(connection)
        self._waits_for[connection] = listener
        return connection

    def _settings_for(self, destination: int) -> Settings:
        return _with_mss(self.settings, self.internet.mtu_to(destination) - TCP_AND_IP_HEADERS)

    def _settle(self, connection: Connection) -> None:
        """Something has happened to `connection`: hand it to its listener, or forget it; and have it looked at."""
        self._touched[connection] = None
        listener = self._waits_for.get(connection)
        if listener is not None and connection.is_established:
            del self._waits_for[connection]
            listener.half_open.discard(connection)
            if not listener.closed:
                listener.ready.append(connection)
                self._touched[listener] = None
        if connection.state is State.CLOSED:
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        self.ports.forget(connection)
        self._timers.forget(connection)
        self._unpushed.pop(connection, None)
        if (listener := self._waits_for.pop(connection, None)) is not None:
            listener.half_open.discard(connection)

    # What users do

    def connect(self, remote: Endpoint, *, now: float, local: Endpoint = (ANY, 0)) -> Connection:
        """Open a connection; raises `Unreachable`, `NoPorts`, or `InUse` for a `local` that has one to `remote`."""
        address = local[0] or self.internet.source_for(remote[0])
        local = address, local[1] or self.ports.draw_port()
        if (local, remote) in self.ports.connections:
            raise InUse(f"there is a connection from port {local[1]} to that address already")
        connection = Connection.connect(
            local,
            remote,
            isn=self.draw_isn(local, remote, secret=self._secret, now=now),
            now=now,
            settings=self._settings_for(remote[0]),
            parts=self.parts,
        )
        self.ports.connections[local, remote] = connection
        self.push(connection, now=now)
        return connection

    def push(self, connection: Connection, *, now: float) -> None:
        """Send what `connection` wants sent, after its user has done something; and see to its timer."""
        for segment in connection.segments_to_send(now=now):
            ecn = ECT0 if connection.marks_capable(segment) else NOT_ECT
            self._send_tcp(segment, connection.local, connection.remote, now=now, ecn=ecn)
        if connection.state is State.CLOSED:
            self._settle(connection)
        else:
            self._timers.file(connection)
        self._deliver_local(now)

    def _send_tcp(self, segment: Tcp, local: Endpoint, remote: Endpoint, *, now: float, ecn: int = NOT_ECT) -> None:
        packet = IPv4(local[0], remote[0], tcp.PROTOCOL, segment.build(local[0], remote[0]), ecn=ecn)
        try:
            self.internet.send(packet, now=now)
        except Unreachable:
            return  # The retransmission timer will find out.

    def send_datagram(self, mailbox: Mailbox, payload: bytes, remote: Endpoint, *, now: float) -> None:
        """Send one datagram from `mailbox`; raises `Unreachable`, and `PacketError` for a payload too long."""
        source = mailbox.local[0] or self.internet.source_for(remote[0])
        data = Udp(mailbox.local[1], remote[1], payload).build(source, remote[0])
        self.internet.send(IPv4(source, remote[0], udp.PROTOCOL, data), now=now)
        self._deliver_local(now)

    def close_listener(self, listener: Listener, *, now: float) -> None:
        """Take no more connections; those that nobody has accepted are reset."""
        for connection in self.ports.close_listener(listener):
            connection.abort(now=now)
            self.push(connection, now=now)

    def close_mailbox(self, mailbox: Mailbox) -> None:
        """Receive no more there."""
        self.ports.mailboxes.pop(mailbox.local, None)

    def touched(self) -> list[Touched]:
        """Everything to which something has happened since the last call, in order."""
        touched = list(self._touched)
        self._touched.clear()
        return touched

    # Time

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        timers = (self.internet.next_timer(), self._timers.next_timer())
        return min((timer for timer in timers if timer is not None), default=None)

    def handle_timer(self, *, now: float) -> None:
        """Do what is due."""
        for error in self.internet.handle_timer(now=now):
            self._take_unreachable(error)
        for connection, is_due in self._timers.due(now=now):
            if is_due:
                connection.handle_timer(now=now)
                self._settle(connection)
            self.push(connection, now=now)
        self._deliver_local(now)


@cache
def _with_mss(settings: Settings, mss: int) -> Settings:
    return replace(settings, mss=mss)
