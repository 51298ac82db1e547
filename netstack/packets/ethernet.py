"""Ethernet II: who on this link is meant, who speaks, and what is inside.

    offset  size
    0       6     destination
    6       6     source
    12      2     type of the payload (0x0800 IPv4, 0x0806 ARP)
    14      n     payload

The frame check sequence is the card's business. So is padding: a frame has at least 60 bytes on a real wire, which the
link adds; the parser cannot tell padding from payload, and leaves it there for IPv4's total length to cut off.

Left out: VLAN tags (IEEE 802.1Q), lengths in place of the type (IEEE 802.3 with LLC).
"""

import struct
from dataclasses import dataclass

from netstack.packets.error import PacketError
from netstack.packets.quick_init import quick_init

IPV4 = 0x0800
ARP = 0x0806
BROADCAST = b"\xff" * 6

_HEADER = struct.Struct("!6s6sH")


@quick_init
@dataclass(frozen=True, slots=True)
class Ethernet:
    """A frame without its check sequence. Addresses are six bytes each."""

    destination: bytes
    source: bytes
    type: int
    payload: bytes

    @classmethod
    def parse(cls, data: bytes | memoryview) -> "Ethernet":
        """The inverse of `build`; whatever follows the header is payload. Raises `PacketError`."""
        if len(data) < 14:
            raise PacketError(f"{len(data)} bytes are too few for an Ethernet frame: its header alone has 14")
        destination, source, type_ = _HEADER.unpack_from(data)
        return cls(destination, source, type_, bytes(data[14:]))

    def build(self) -> bytes:
        """The frame's bytes, not padded. Raises `PacketError` for an address that is not six bytes, or a wrong type."""
        if len(self.destination) != 6 or len(self.source) != 6:  # struct would cut or pad them without a word
            raise PacketError(f"an address has 6 bytes: {self.destination.hex(':')}, {self.source.hex(':')}")
        try:
            return _HEADER.pack(self.destination, self.source, self.type) + self.payload
        except struct.error as error:
            raise PacketError(f"a field of Ethernet is out of range: {error}") from None
