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
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from heapq import heappop, heappush
from ipaddress import IPv4Address, IPv4Network
from itertools import count

from netstack.arp import ArpCache
from netstack.forwarding import NoRoute, Table
from netstack.packets import (
    CE,
    ECT0,
    NOT_ECT,
    Arp,
    Ethernet,
    Icmp,
    IPv4,
    PacketError,
    Tcp,
    Udp,
    ethernet,
    icmp,
    text,
)
from netstack.ports import ANY, InUse, Listener, Mailbox, Ports, opens, reset_for
from netstack.tcp import OURS, Connection, Endpoint, Failure, Parts, Settings, State, initial_sequence_number

BROADCAST = b"\xff" * 6
LOOPBACK = IPv4Network("127.0.0.0/8")
EVERYWHERE = IPv4Network("0.0.0.0/0")
LOOPBACK_ADDRESS = 0x7F000001
FIRST_MULTICAST = 224  # the first byte of multicast addresses; from there on none is one host's
TCP_AND_IP_HEADERS = 40
LOOPBACK_MTU = 65536 - 14 - 20  # what a packet's 16 bits of length can say
TCP, UDP, ICMP = 6, 17, 1

Touched = Connection | Listener | Mailbox


class Unreachable(Exception):
    """There is no way to this address."""


@dataclass(frozen=True, slots=True)
class Interface:
    """One link's end: its name, Ethernet address, IPv4 address with the length of its network's prefix, and MTU."""

    name: str
    mac: bytes
    ip: int
    prefix: int
    mtu: int = 1500

    @property
    def network(self) -> IPv4Network:
        """The neighbours on this link."""
        return IPv4Network((self.ip, self.prefix), strict=False)


@dataclass(frozen=True, slots=True)
class Way:
    """A way out: an interface's number, and the next router, or None when the destination is on that link."""

    interface: int
    gateway: int | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Host:
    """All of one host's networking. Times are seconds, addresses 32-bit numbers.

    What is for no neighbour goes to the `gateway`, which is one, and to wherever `add_route` says.
    """

    interfaces: Sequence[Interface]
    randomness: random.Random
    settings: Settings = Settings()
    parts: Parts = OURS
    draw_isn: Callable[..., int] = initial_sequence_number
    """How a connection's first number is drawn: only who wants to see numbers go round has a reason for another."""
    forwards: bool = False
    gateway: int | None = None
    ports: Ports = field(init=False)
    _routes: Table[Way] = field(default_factory=Table)
    _ways: dict[int, Way] = field(default_factory=dict)  # what was looked up before
    _secret: bytes = field(init=False)
    _arp: list[ArpCache] = field(init=False)
    _addresses: set[int] = field(init=False)
    _out: list[tuple[int, bytes]] = field(default_factory=list)
    _local: deque[IPv4] = field(default_factory=deque)
    _unpushed: dict[Connection, None] = field(default_factory=dict)
    _touched: dict[Touched, None] = field(default_factory=dict)
    _timers: list[tuple[float, int, Connection]] = field(default_factory=list)
    _due: dict[Connection, float] = field(default_factory=dict)
    _order: Iterator[int] = field(default_factory=count)
    _waits_for: dict[Connection, Listener] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ports = Ports(self.randomness)
        self._secret = self.randomness.randbytes(16)
        self._arp = [ArpCache(interface.mac, interface.ip) for interface in self.interfaces]
        self._addresses = {interface.ip for interface in self.interfaces}
        for number, interface in enumerate(self.interfaces):
            self.add_route(interface.network, Way(number))
        if self.gateway is not None:
            self.add_route(EVERYWHERE, Way(self.way_to(self.gateway).interface, self.gateway))

    # Frames

    def frames_to_send(self) -> list[tuple[int, bytes]]:
        """What is to be sent now, in order: interfaces' numbers, and frames."""
        out, self._out = self._out, []
        return out

    def receive(self, interface: int, frame: bytes, *, now: float) -> None:
        """Take in a frame; one that is not for us, or is none, is ignored."""
        self.receive_burst(interface, (frame,), now=now)

    def receive_burst(self, interface: int, frames: Iterable[bytes], *, now: float) -> None:
        """Take in frames that have come at once, and only then say what is to be said to them.

        So one acknowledgement may stand for many segments, as it does on Linux, whose cards put them together.
        """
        for frame in frames:
            self._receive(interface, frame, now=now)
        self._push_all(now)
        self._deliver_local(now)

    def _receive(self, interface: int, frame: bytes, *, now: float) -> None:
        try:
            ether = Ethernet.parse(frame)
            if ether.destination not in (self.interfaces[interface].mac, BROADCAST):
                return
            if ether.type == ethernet.ARP:
                self._receive_arp(interface, Arp.parse(ether.payload), now=now)
            elif ether.type == ethernet.IPV4 and ether.destination != BROADCAST:
                self._receive_ip(IPv4.parse(ether.payload), now=now)
        except PacketError:
            return

    def _receive_arp(self, interface: int, message: Arp, *, now: float) -> None:
        answer, released = self._arp[interface].receive(message, now=now)
        if answer is not None:
            self._send_arp(interface, answer)
        for packet in released:
            self._frame(interface, message.sender_mac, packet)

    def _send_arp(self, interface: int, message: Arp) -> None:
        destination = BROADCAST if not any(message.target_mac) else message.target_mac
        source = self.interfaces[interface].mac
        self._out.append((interface, Ethernet(destination, source, ethernet.ARP, message.build()).build()))

    def _frame(self, interface: int, destination: bytes, packet: bytes) -> None:
        source = self.interfaces[interface].mac
        self._out.append((interface, Ethernet(destination, source, ethernet.IPV4, packet).build()))

    # Packets

    def is_own(self, address: int) -> bool:
        """Whether this host has `address`."""
        return address in self._addresses or address >> 24 == LOOPBACK_ADDRESS >> 24

    def way_to(self, address: int) -> Way:
        """Raises `Unreachable`."""
        if (way := self._ways.get(address)) is None:
            try:
                way = self._ways[address] = self._routes.look_up(IPv4Address(address))
            except NoRoute:
                raise Unreachable(f"there is no route to {text(address)}") from None
        return way

    def add_route(self, network: IPv4Network, way: Way) -> None:
        """Packets to `network` go out by `way`, unless a longer prefix says otherwise."""
        self._routes.add(network, way)
        self._ways.clear()

    def source_for(self, destination: int) -> int:
        """The address that packets to `destination` come from; raises `Unreachable`."""
        if self.is_own(destination):
            return destination
        return self.interfaces[self.way_to(destination).interface].ip

    def _receive_ip(self, packet: IPv4, *, now: float) -> None:
        if self._is_impossible(packet):
            return
        if self.is_own(packet.destination):
            self._take(packet, now=now)
        elif self.forwards:
            self._forward(packet, now=now)

    def _is_impossible(self, packet: IPv4) -> bool:
        """Whether no honest packet on a link is like that (RFC 1122, 3.2.1.3): from us, from nobody, to loopback."""
        loopback = LOOPBACK_ADDRESS >> 24
        is_from_somebody = 0 < packet.source >> 24 < FIRST_MULTICAST and not self.is_own(packet.source)
        return not is_from_somebody or packet.destination >> 24 == loopback

    def _deliver_local(self, now: float) -> None:
        """What this host has sent to itself arrives at once, in order."""
        while self._local:
            self._take(self._local.popleft(), now=now)
            self._push_all(now)

    def _forward(self, packet: IPv4, *, now: float) -> None:
        """RFC 1812, 5.3.1: the time to live counts routers."""
        if packet.ttl <= 1:
            self._send_error(packet, icmp.time_exceeded(packet.build()), now=now)
            return
        onward = replace(packet, ttl=packet.ttl - 1)
        try:
            self._send(onward, now=now)
        except Unreachable:
            self._send_error(packet, icmp.unreachable(icmp.NET_UNREACHABLE, packet.build()), now=now)

    def _send(self, packet: IPv4, *, now: float) -> None:
        """Send `packet` on its way; raises `Unreachable`."""
        if self.is_own(packet.destination):
            self._local.append(packet)
            return
        way = self.way_to(packet.destination)
        interface = self.interfaces[way.interface]
        data = packet.build()
        if len(data) > interface.mtu:
            error = icmp.unreachable(icmp.FRAGMENTATION_NEEDED, data, mtu=interface.mtu)
            self._send_error(packet, error, now=now)
            return
        neighbour = packet.destination if way.gateway is None else way.gateway
        cache = self._arp[way.interface]
        if (mac := cache.look_up(neighbour, now=now)) is not None:
            self._frame(way.interface, mac, data)
        elif (question := cache.search(neighbour, data, now=now)) is not None:
            self._send_arp(way.interface, question)

    def _send_error(self, about: IPv4, error: Icmp, *, now: float) -> None:
        """Tell the sender of `about` why it went no further; never about an error itself (RFC 1122, 3.2.2)."""
        if about.protocol == ICMP and about.payload[:1] not in (b"\x00", b"\x08"):
            return
        try:
            source = self.source_for(about.source)
            self._send(IPv4(source, about.source, ICMP, error.build()), now=now)
        except Unreachable:
            return

    # Protocols

    def _take(self, packet: IPv4, *, now: float) -> None:
        try:
            if packet.protocol == TCP:
                self._take_tcp(packet, now=now)
            elif packet.protocol == UDP:
                self._take_udp(packet, now=now)
            elif packet.protocol == ICMP:
                self._take_icmp(packet, Icmp.parse(packet.payload), now=now)
            else:
                error = icmp.unreachable(icmp.PROTOCOL_UNREACHABLE, packet.build())
                self._send_error(packet, error, now=now)
        except PacketError:
            return

    def _take_icmp(self, packet: IPv4, message: Icmp, *, now: float) -> None:
        if message.type == icmp.ECHO_REQUEST:
            reply = IPv4(packet.destination, packet.source, ICMP, icmp.echo_reply(message).build())
            try:
                self._send(reply, now=now)
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
        if quoted[9] == TCP and (connection := self.ports.connections.get((ours, theirs))) is not None:
            # RFC 5927 (4.1): a message that quotes no number of ours is made up.
            is_ours = int.from_bytes(transport[4:8], "big") == connection.sender.first % 2**32
            if connection.state in (State.SYN_SENT, State.SYN_RECEIVED) and is_ours:
                refused = message.code == icmp.PORT_UNREACHABLE
                connection.fail(Failure.REFUSED if refused else Failure.UNREACHABLE)
                self._settle(connection)
        elif quoted[9] == UDP and (mailbox := self.ports.mailbox_at(ours)) is not None and mailbox.remote == theirs:
            mailbox.refused = True
            self._touched[mailbox] = None

    def _take_udp(self, packet: IPv4, *, now: float) -> None:
        datagram = Udp.parse(packet.payload, packet.source, packet.destination)
        mailbox = self.ports.mailbox_at((packet.destination, datagram.destination_port))
        if mailbox is None:
            error = icmp.unreachable(icmp.PORT_UNREACHABLE, packet.build())
            self._send_error(packet, error, now=now)
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
        mtu = LOOPBACK_MTU if self.is_own(destination) else self.interfaces[self.way_to(destination).interface].mtu
        return _with_mss(self.settings, mtu - TCP_AND_IP_HEADERS)

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
        self._due.pop(connection, None)
        self._unpushed.pop(connection, None)
        if (listener := self._waits_for.pop(connection, None)) is not None:
            listener.half_open.discard(connection)

    # What users do

    def connect(self, remote: Endpoint, *, now: float, local: Endpoint = (ANY, 0)) -> Connection:
        """Open a connection; raises `Unreachable`, `NoPorts`, or `InUse` for a `local` that has one to `remote`."""
        address = local[0] or self.source_for(remote[0])
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
            self._schedule(connection)
        self._deliver_local(now)

    def _send_tcp(self, segment: Tcp, local: Endpoint, remote: Endpoint, *, now: float, ecn: int = NOT_ECT) -> None:
        packet = IPv4(local[0], remote[0], TCP, segment.build(local[0], remote[0]), ecn=ecn)
        try:
            self._send(packet, now=now)
        except Unreachable:
            return  # The retransmission timer will find out.

    def send_datagram(self, mailbox: Mailbox, payload: bytes, remote: Endpoint, *, now: float) -> None:
        """Send one datagram from `mailbox`; raises `Unreachable`, and `PacketError` for a payload too long."""
        source = mailbox.local[0] or self.source_for(remote[0])
        data = Udp(mailbox.local[1], remote[1], payload).build(source, remote[0])
        self._send(IPv4(source, remote[0], UDP, data), now=now)
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

    def _schedule(self, connection: Connection) -> None:
        """Keep the heap's promise: for each connection there is an entry no later than its timer."""
        due = connection.next_timer()
        if due is not None and due < self._due.get(connection, float("inf")):
            self._due[connection] = due
            heappush(self._timers, (due, next(self._order), connection))

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        while self._timers and self._due.get(self._timers[0][2]) != self._timers[0][0]:
            heappop(self._timers)
        timers = [cache.next_timer() for cache in self._arp]
        if self._timers:
            timers.append(self._timers[0][0])
        return min((timer for timer in timers if timer is not None), default=None)

    def handle_timer(self, *, now: float) -> None:
        """Do what is due."""
        for number, arp_cache in enumerate(self._arp):
            for outcome in arp_cache.handle_timer(now=now):
                if isinstance(outcome, Arp):
                    self._send_arp(number, outcome)
                else:
                    self._give_up(outcome, now=now)
        while self._timers and self._timers[0][0] <= now:
            due, _, connection = heappop(self._timers)
            if self._due.get(connection) != due:
                continue
            del self._due[connection]
            wanted = connection.next_timer()
            if wanted is not None and wanted <= now:
                connection.handle_timer(now=now)
                self._settle(connection)
            self.push(connection, now=now)
        self._deliver_local(now)

    def _give_up(self, packets: list[bytes], *, now: float) -> None:
        """A neighbour does not answer: tell whoever sent these packets, be it we (RFC 1812, 5.2.7.1; as Linux does)."""
        for data in packets:
            packet = IPv4.parse(data)
            error = icmp.unreachable(icmp.HOST_UNREACHABLE, data)
            if self.is_own(packet.source):
                self._take_unreachable(error)
            else:
                self._send_error(packet, error, now=now)


@cache
def _with_mss(settings: Settings, mss: int) -> Settings:
    return replace(settings, mss=mss)
