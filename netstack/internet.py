"""The internet layer of a host: from frames to packets that are for it, and from packets to frames.

It knows interfaces, neighbours (ARP), ways out (a table of longest prefixes), and what is to be said when a packet
cannot go on (ICMP). It knows nothing of ports; `host` puts those on top.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network

from netstack.arp import ArpCache
from netstack.forwarding import NoRoute, Table
from netstack.packets import Arp, Ethernet, Icmp, IPv4, PacketError, ethernet, icmp, text

BROADCAST = b"\xff" * 6
EVERYWHERE = IPv4Network("0.0.0.0/0")
LOOPBACK = 127  # the first byte of loopback's addresses
FIRST_MULTICAST = 224  # the first byte of multicast addresses; from there on none is one host's
LOOPBACK_MTU = 65536 - 14 - 20  # what a packet's 16 bits of length can say


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


@dataclass(slots=True, kw_only=True)
class Internet:
    """Times are seconds, addresses 32-bit numbers. What this host sends to itself waits in `local`."""

    interfaces: Sequence[Interface]
    forwards: bool = False
    gateway: int | None = None
    local: deque[IPv4] = field(default_factory=deque)
    _routes: Table[Way] = field(default_factory=Table)
    _ways: dict[int, Way] = field(default_factory=dict)  # what was looked up before
    _arp: list[ArpCache] = field(init=False)
    _addresses: set[int] = field(init=False)
    _out: list[tuple[int, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._arp = [ArpCache(interface.mac, interface.ip) for interface in self.interfaces]
        self._addresses = {interface.ip for interface in self.interfaces}
        for number, interface in enumerate(self.interfaces):
            self.add_route(interface.network, Way(number))
        if self.gateway is not None:
            self.add_route(EVERYWHERE, Way(self.way_to(self.gateway).interface, self.gateway))

    # Ways

    def is_own(self, address: int) -> bool:
        """Whether this host has `address`."""
        return address in self._addresses or address >> 24 == LOOPBACK

    def add_route(self, network: IPv4Network, way: Way) -> None:
        """Packets to `network` go out by `way`, unless a longer prefix says otherwise."""
        self._routes.add(network, way)
        self._ways.clear()

    def way_to(self, address: int) -> Way:
        """Raises `Unreachable`."""
        if (way := self._ways.get(address)) is None:
            try:
                way = self._ways[address] = self._routes.look_up(IPv4Address(address))
            except NoRoute:
                raise Unreachable(f"there is no route to {text(address)}") from None
        return way

    def source_for(self, destination: int) -> int:
        """The address that packets to `destination` come from; raises `Unreachable`."""
        if self.is_own(destination):
            return destination
        return self.interfaces[self.way_to(destination).interface].ip

    def mtu_to(self, destination: int) -> int:
        """The longest packet that its first link takes; raises `Unreachable`."""
        if self.is_own(destination):
            return LOOPBACK_MTU
        return self.interfaces[self.way_to(destination).interface].mtu

    # Frames

    def frames_to_send(self) -> list[tuple[int, bytes]]:
        """What is to be sent now, in order: interfaces' numbers, and frames."""
        out, self._out = self._out, []
        return out

    def receive(self, interface: int, frame: bytes, *, now: float) -> IPv4 | None:
        """The packet for this host in a frame, if there is one; what is for others is forwarded, or ignored."""
        try:
            ether = Ethernet.parse(frame)
            if ether.destination not in (self.interfaces[interface].mac, BROADCAST):
                return None
            if ether.type == ethernet.ARP:
                self._receive_arp(interface, Arp.parse(ether.payload), now=now)
            elif ether.type == ethernet.IPV4 and ether.destination != BROADCAST:
                return self._receive_ip(IPv4.parse(ether.payload), now=now)
        except PacketError:
            pass
        return None

    def _receive_arp(self, interface: int, message: Arp, *, now: float) -> None:
        answer, released = self._arp[interface].receive(message, now=now)
        if answer is not None:
            self._send_arp(interface, answer)
        for packet in released:
            self._frame(interface, message.sender_mac, packet)

    def _send_arp(self, interface: int, message: Arp) -> None:
        destination = message.target_mac if any(message.target_mac) else BROADCAST
        source = self.interfaces[interface].mac
        self._out.append((interface, Ethernet(destination, source, ethernet.ARP, message.build()).build()))

    def _frame(self, interface: int, destination: bytes, packet: bytes) -> None:
        source = self.interfaces[interface].mac
        self._out.append((interface, Ethernet(destination, source, ethernet.IPV4, packet).build()))

    def _receive_ip(self, packet: IPv4, *, now: float) -> IPv4 | None:
        if self._is_impossible(packet):
            return None
        if self.is_own(packet.destination):
            return packet
        if self.forwards:
            self._forward(packet, now=now)
        return None

    def _is_impossible(self, packet: IPv4) -> bool:
        """Whether no honest packet on a link is like that (RFC 1122, 3.2.1.3): from us, from nobody, to loopback."""
        is_from_somebody = 0 < packet.source >> 24 < FIRST_MULTICAST and not self.is_own(packet.source)
        return not is_from_somebody or packet.destination >> 24 == LOOPBACK

    # Packets

    def _forward(self, packet: IPv4, *, now: float) -> None:
        """RFC 1812, 5.3.1: the time to live counts routers."""
        if packet.ttl <= 1:
            self.send_error(packet, icmp.time_exceeded(packet.build()), now=now)
            return
        try:
            self.send(replace(packet, ttl=packet.ttl - 1), now=now)
        except Unreachable:
            self.send_error(packet, icmp.unreachable(icmp.NET_UNREACHABLE, packet.build()), now=now)

    def send(self, packet: IPv4, *, now: float) -> None:
        """Send `packet` on its way; raises `Unreachable`."""
        if self.is_own(packet.destination):
            self.local.append(packet)
            return
        way = self.way_to(packet.destination)
        interface = self.interfaces[way.interface]
        data = packet.build()
        if len(data) > interface.mtu:
            error = icmp.unreachable(icmp.FRAGMENTATION_NEEDED, data, mtu=interface.mtu)
            self.send_error(packet, error, now=now)
            return
        neighbour = packet.destination if way.gateway is None else way.gateway
        cache = self._arp[way.interface]
        if (mac := cache.look_up(neighbour, now=now)) is not None:
            self._frame(way.interface, mac, data)
        elif (question := cache.search(neighbour, data, now=now)) is not None:
            self._send_arp(way.interface, question)

    def send_error(self, about: IPv4, error: Icmp, *, now: float) -> None:
        """Tell the sender of `about` why it went no further; never about an error itself (RFC 1122, 3.2.2)."""
        if about.protocol == icmp.PROTOCOL and about.payload[:1] not in (b"\x00", b"\x08"):
            return
        try:
            source = self.source_for(about.source)
            self.send(IPv4(source, about.source, icmp.PROTOCOL, error.build()), now=now)
        except Unreachable:
            return

    # Time

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        timers = [cache.next_timer() for cache in self._arp]
        return min((timer for timer in timers if timer is not None), default=None)

    def handle_timer(self, *, now: float) -> Iterator[Icmp]:
        """Ask again for neighbours; yield errors about our own packets whose neighbour does not answer."""
        for number, cache in enumerate(self._arp):
            for outcome in cache.handle_timer(now=now):
                if isinstance(outcome, Arp):
                    self._send_arp(number, outcome)
                else:
                    yield from self._give_up(outcome, now=now)

    def _give_up(self, packets: list[bytes], *, now: float) -> Iterator[Icmp]:
        """Tell whoever sent these packets, be it we (RFC 1812, 5.2.7.1; as Linux does)."""
        for data in packets:
            packet = IPv4.parse(data)
            error = icmp.unreachable(icmp.HOST_UNREACHABLE, data)
            if self.is_own(packet.source):
                yield error
            else:
                self.send_error(packet, error, now=now)
