"""ICMP: what IPv4 has to say for itself: "are you there?", and why a packet did not arrive (RFC 792).

    offset  size
    0       1     type
    1       1     code: which case of that type
    2       2     checksum, of everything
    4       4     the rest of the header; what it holds depends on the type
    8       n     payload

An echo's rest is an identifier and a sequence number, of 16 bits each. An error's payload quotes the packet that it is
about, from its IPv4 header on; the rest is zero, or for "fragmentation needed" holds the next link's MTU (RFC 1191).

Left out: building and reading the other types (redirects, timestamps, router discovery); they parse, as numbers.
"""

import struct
from dataclasses import dataclass

from netstack.packets.checksum import checksum, verifies
from netstack.packets.error import PacketError
from netstack.packets.quick_init import quick_init

PROTOCOL = 1
"""ICMP's number in the header of IPv4."""

ECHO_REPLY = 0
DESTINATION_UNREACHABLE = 3
ECHO_REQUEST = 8
TIME_EXCEEDED = 11

# Codes of DESTINATION_UNREACHABLE (RFC 792; the last one RFC 1812, 5.2.7.1).
NET_UNREACHABLE = 0
HOST_UNREACHABLE = 1
PROTOCOL_UNREACHABLE = 2
PORT_UNREACHABLE = 3
FRAGMENTATION_NEEDED = 4
SOURCE_ROUTE_FAILED = 5
PROHIBITED = 13

# Codes of TIME_EXCEEDED.
TTL_EXCEEDED = 0
REASSEMBLY_EXCEEDED = 1

_HEADER = struct.Struct("!BBHI")
_QUOTED = 548
"""RFC 1812, 4.3.2.3: quote as much as fits a datagram of 576 bytes; 20 are IPv4's header, 8 ours."""


@quick_init
@dataclass(frozen=True, slots=True)
class Icmp:
    """A message. `rest` is the second word of its header, a 32-bit number; the properties read it."""

    type: int
    code: int
    rest: int
    payload: bytes = b""

    @classmethod
    def parse(cls, data: bytes | memoryview) -> "Icmp":
        """The inverse of `build`. Raises `PacketError`: too short, or a wrong checksum."""
        if len(data) < 8:
            raise PacketError(f"{len(data)} bytes are too few for ICMP: its header alone has 8")
        if not verifies(data):
            raise PacketError("the checksum of the ICMP message does not match")
        type_, code, _, rest = _HEADER.unpack_from(data)
        return cls(type_, code, rest, bytes(data[8:]))

    def build(self) -> bytes:
        """The message's bytes, checksum made. Raises `PacketError` for a field out of range."""
        try:
            return (
                _HEADER.pack(
                    self.type, self.code, checksum((self.type << 8 | self.code) + self.rest, self.payload), self.rest
                )
                + self.payload
            )
        except struct.error as error:
            raise PacketError(f"a field of ICMP is out of range: {error}") from None

    @property
    def identifier(self) -> int:
        """Of an echo: whose it is."""
        return self.rest >> 16

    @property
    def sequence(self) -> int:
        """Of an echo: which one it is."""
        return self.rest & 0xFFFF

    @property
    def mtu(self) -> int:
        """Of "fragmentation needed": the bytes that the next link takes at once; 0 from routers older than RFC 1191."""
        return self.rest & 0xFFFF


def echo_request(identifier: int, sequence: int, payload: bytes = b"") -> Icmp:
    """Are you there?"""
    return Icmp(ECHO_REQUEST, 0, identifier << 16 | sequence, payload)


def echo_reply(request: Icmp) -> Icmp:
    """I am: identifier, sequence number and payload come back as they came (RFC 792)."""
    return Icmp(ECHO_REPLY, 0, request.rest, request.payload)


def unreachable(code: int, packet: bytes, mtu: int = 0) -> Icmp:
    """Why `packet`, an IPv4 packet's bytes, went no further; `mtu` with `FRAGMENTATION_NEEDED` only (RFC 1191, 4)."""
    return Icmp(DESTINATION_UNREACHABLE, code, mtu, packet[:_QUOTED])


def time_exceeded(packet: bytes, code: int = TTL_EXCEEDED) -> Icmp:
    """`packet` has passed as many routers as it was allowed to."""
    return Icmp(TIME_EXCEEDED, code, 0, packet[:_QUOTED])
