"""ARP: which Ethernet address has the host with this IPv4 address? (RFC 826)

    offset  size
    0       2     hardware: 1, Ethernet
    2       2     protocol: 0x0800, IPv4
    4       1     length of a hardware address: 6
    5       1     length of a protocol address: 4
    6       2     operation: 1 request, 2 reply
    8       6+4   sender: its Ethernet and its IPv4 address
    18      6+4   target: likewise; a request leaves the Ethernet address zero

Left out: all other hardware and protocols, for which RFC 826 has room.
"""

import struct
from dataclasses import dataclass

from netstack.packets.error import PacketError
from netstack.packets.quick_init import quick_init

REQUEST = 1
REPLY = 2

_PACKET = struct.Struct("!HHBBH6sI6sI")
_ETHERNET_AND_IPV4 = (1, 0x0800, 6, 4)


@quick_init
@dataclass(frozen=True, slots=True)
class Arp:
    """A question, or an answer. Ethernet addresses are six bytes, IPv4 addresses 32-bit numbers."""

    operation: int
    sender_mac: bytes
    sender_ip: int
    target_mac: bytes
    target_ip: int

    @classmethod
    def parse(cls, data: bytes | memoryview) -> "Arp":
        """The inverse of `build`; Ethernet's padding is ignored. Raises `PacketError`."""
        if len(data) < _PACKET.size:
            raise PacketError(f"{len(data)} bytes are too few for ARP, which has {_PACKET.size}")
        *kinds, operation, sender_mac, sender_ip, target_mac, target_ip = _PACKET.unpack_from(data)
        if tuple(kinds) != _ETHERNET_AND_IPV4:
            raise PacketError(f"ARP for other networks than IPv4 over Ethernet: {kinds}")
        return cls(operation, sender_mac, sender_ip, target_mac, target_ip)

    def build(self) -> bytes:
        """The packet's 28 bytes. Raises `PacketError` for an address of a wrong size."""
        if len(self.sender_mac) != 6 or len(self.target_mac) != 6:  # struct would cut or pad them without a word
            raise PacketError(f"an address has 6 bytes: {self.sender_mac.hex(':')}, {self.target_mac.hex(':')}")
        try:
            return _PACKET.pack(
                *_ETHERNET_AND_IPV4,
                self.operation,
                self.sender_mac,
                self.sender_ip,
                self.target_mac,
                self.target_ip,
            )
        except struct.error as error:
            raise PacketError(f"a field of ARP is out of range: {error}") from None
