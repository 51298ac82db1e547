"""The packets of lab 2, byte by byte: what a router looks at, behind an Ethernet header with EtherType 0x88B6.

    offset  size
    14      1     kind: 1 data, 2 vector
    15      1     time to live: each router takes one away, and drops a packet that has none left
    16      4     destination address
    20      4     source address
    24      2     length of the payload
    26      n     payload

A vector's payload is a row of entries of six bytes: network (4), prefix length (1), metric (1). Vectors go from one
router to its neighbours and no further, so their time to live is 1 and their addresses are zero.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

ETHERTYPE = 0x88B6
ETHERNET = struct.Struct("!6s6sH")
HEADER = struct.Struct("!BB4s4sH")
ENTRY = struct.Struct("!4sBB")
OVERHEAD = ETHERNET.size + HEADER.size
BROADCAST = b"\xff" * 6
NOBODY = IPv4Address(0)

DATA, VECTOR = 1, 2


class PacketError(ValueError):
    """Bytes that are no packet of this format."""


@dataclass(frozen=True, slots=True)
class Packet:
    """What travels from one end to the other, through any number of routers."""

    destination: IPv4Address
    source: IPv4Address
    payload: bytes
    ttl: int = 64
    kind: int = DATA

    def build(self) -> bytes:
        """The packet's bytes, without an Ethernet header."""
        header = HEADER.pack(self.kind, self.ttl, self.destination.packed, self.source.packed, len(self.payload))
        return header + self.payload

    @classmethod
    def parse(cls, data: bytes) -> "Packet":
        """The inverse of `build`; padding behind the payload is ignored. Raises `PacketError` for anything else."""
        if len(data) < HEADER.size:
            raise PacketError(f"{len(data)} bytes are too few: the header alone has {HEADER.size}")
        kind, ttl, destination, source, length = HEADER.unpack_from(data)
        payload = data[HEADER.size : HEADER.size + length]
        if kind not in (DATA, VECTOR):
            raise PacketError(f"there are no packets of kind {kind}")
        if len(payload) != length:
            raise PacketError(f"the header promises {length} bytes of payload, {len(payload)} are there")
        return cls(IPv4Address(destination), IPv4Address(source), payload, ttl, kind)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a vector: "I reach `network` at a distance of `metric`"."""

    network: IPv4Network
    metric: int


def build_vector(entries: Iterable[Entry]) -> bytes:
    """A vector's payload."""
    return b"".join(
        ENTRY.pack(entry.network.network_address.packed, entry.network.prefixlen, entry.metric) for entry in entries
    )


def parse_vector(payload: bytes) -> list[Entry]:
    """The inverse of `build_vector`; raises `PacketError`."""
    if len(payload) % ENTRY.size:
        raise PacketError(f"a vector has entries of {ENTRY.size} bytes; {len(payload)} is no multiple of that")
    try:
        return [Entry(IPv4Network((network, length)), metric) for network, length, metric in ENTRY.iter_unpack(payload)]
    except ValueError as error:
        raise PacketError(f"a vector names no network: {error}") from None


def in_ethernet(packet: Packet, *, destination: bytes, source: bytes) -> bytes:
    """The whole frame that carries `packet` over one link."""
    return ETHERNET.pack(destination, source, ETHERTYPE) + packet.build()


def from_ethernet(frame: bytes) -> Packet:
    """The packet in a frame; raises `PacketError` when there is none."""
    if len(frame) < ETHERNET.size or frame[12:14] != ETHERTYPE.to_bytes(2, "big"):
        raise PacketError("not a frame with one of our packets in it")
    return Packet.parse(frame[ETHERNET.size :])
