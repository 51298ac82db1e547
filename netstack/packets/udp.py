"""UDP: from one program to another, and nothing more (RFC 768).

    offset  size
    0       2     source port
    2       2     destination port
    4       2     length, header and payload
    6       2     checksum; 0 means that there is none
    8       n     payload

The checksum covers, besides all this, a pseudo header that is never sent: both IPv4 addresses, the protocol's number
and the length. So a datagram that went astray does not verify. A sum that comes out as 0 is sent as 0xFFFF, its double.
"""

import struct
from dataclasses import dataclass

from netstack.packets.checksum import checksum, verifies
from netstack.packets.error import PacketError
from netstack.packets.quick_init import quick_init

PROTOCOL = 17
"""UDP's number in the header of IPv4."""

_HEADER = struct.Struct("!HHHH")


@quick_init
@dataclass(frozen=True, slots=True)
class Udp:
    """A datagram."""

    source_port: int
    destination_port: int
    payload: bytes

    @classmethod
    def parse(cls, data: bytes | memoryview, source: int, destination: int) -> "Udp":
        """The inverse of `build`, with the IPv4 addresses it travelled between. Raises `PacketError`."""
        if len(data) < 8:
            raise PacketError(f"{len(data)} bytes are too few for UDP: its header alone has 8")
        source_port, destination_port, length, sent = _HEADER.unpack_from(data)
        if not 8 <= length <= len(data):
            raise PacketError(f"a datagram of {length} bytes, of which {len(data)} are there, cannot be")
        if sent and not verifies(data[:length], source + destination + PROTOCOL + length):
            raise PacketError("the checksum of the UDP datagram does not match")
        return cls(source_port, destination_port, bytes(data[8:length]))

    def build(self, source: int, destination: int) -> bytes:
        """The datagram's bytes, checksum made. Raises `PacketError` for a field out of range, or a payload too long."""
        length = 8 + len(self.payload)
        pseudo = source + destination + PROTOCOL + length
        fields = pseudo + self.source_port + self.destination_port + length
        try:
            header = _HEADER.pack(
                self.source_port, self.destination_port, length, checksum(fields, self.payload) or 0xFFFF
            )
        except struct.error as error:
            raise PacketError(f"a field of UDP is out of range: {error}") from None
        return header + self.payload
