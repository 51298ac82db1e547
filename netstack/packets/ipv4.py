"""IPv4: from one host to another, across any number of links (RFC 791).

    offset  size
    0       1     version 4, and the header's length in words of 4 bytes
    1       1     DSCP (6 bits, RFC 2474) and ECN (2 bits, RFC 3168)
    2       2     total length, header and payload
    4       2     identification
    6       2     reserved bit, don't fragment, more fragments; then the fragment's offset (13 bits)
    8       1     time to live
    9       1     protocol of the payload (1 ICMP, 6 TCP, 17 UDP)
    10      2     checksum of the header
    12      4     source
    16      4     destination
    20      n     options, then payload

**Fragments are refused.** The sender keeps its packets small enough (don't fragment is set unless told otherwise, RFC
1191); whoever sends fragments all the same gets no answer.

Options are skipped and not kept: of a packet that had some, `build` makes one without. Addresses are 32-bit numbers,
which a checksum can add and a table can mask; `text` and `number` translate.
"""

import struct
from dataclasses import dataclass

from netstack.packets.checksum import checksum, verifies
from netstack.packets.error import PacketError
from netstack.packets.quick_init import quick_init

NOT_ECT, ECT1, ECT0, CE = range(4)
"""RFC 3168, 5: what the field `ecn` says: not capable; capable, twice; congestion experienced."""

_HEADER = struct.Struct("!BBHHHBBHII")
_VERSION_4_OF_5_WORDS = 0x45
_DONT_FRAGMENT = 0x4000
_FRAGMENT = 0x3FFF  # more fragments, or an offset


def text(address: int) -> str:
    """An address as people write it: `text(0x0A000001)` is "10.0.0.1"."""
    return f"{address >> 24 & 0xFF}.{address >> 16 & 0xFF}.{address >> 8 & 0xFF}.{address & 0xFF}"


def number(address: str) -> int:
    """The inverse of `text`; raises `PacketError` for what is not four decimal numbers."""
    parts = address.split(".")
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() and int(part) < 256 for part in parts):
        raise PacketError(f"an IPv4 address is four numbers from 0 to 255 with dots between them, not {address!r}")
    return int.from_bytes(map(int, parts), "big")


@quick_init
@dataclass(frozen=True, slots=True)
class IPv4:
    """A packet. Addresses are 32-bit numbers, `ecn` is one of `NOT_ECT`, `ECT1`, `ECT0`, `CE`."""

    source: int
    destination: int
    protocol: int
    payload: bytes
    ttl: int = 64
    identification: int = 0
    dont_fragment: bool = True
    ecn: int = NOT_ECT
    dscp: int = 0

    @classmethod
    def parse(cls, data: bytes | memoryview) -> "IPv4":
        """The inverse of `build`; options are skipped, padding behind the total length is cut off.

        Raises `PacketError`: not version 4, lengths that cannot be, a wrong checksum, **a fragment**.
        """
        if len(data) < 20:
            raise PacketError(f"{len(data)} bytes are too few for IPv4: its header alone has 20")
        first, traffic, length, identity, fragment, ttl, protocol, _, source, destination = _HEADER.unpack_from(data)
        if first >> 4 != 4:
            raise PacketError(f"IP version {first >> 4}, not 4")
        header = (first & 0xF) * 4
        if not 20 <= header <= length <= len(data):
            raise PacketError(f"a header of {header} bytes, {length} in total, {len(data)} are there: cannot be")
        if not verifies(data[:header]):
            raise PacketError("the checksum of the IPv4 header does not match")
        if fragment & _FRAGMENT:
            raise PacketError("a fragment: this stack does not put fragments together again")
        return cls(
            source,
            destination,
            protocol,
            bytes(data[header:length]),
            ttl,
            identity,
            fragment & _DONT_FRAGMENT != 0,
            traffic & 3,
            traffic >> 2,
        )

    def build(self) -> bytes:
        """The packet's bytes, checksum made. Raises `PacketError` for a field out of range, or a payload too long."""
        if not 0 <= self.ecn <= CE:  # the only field whose excess would fall into another one unseen
            raise PacketError(f"ecn has two bits; {self.ecn} does not fit")
        length = 20 + len(self.payload)
        traffic = self.dscp << 2 | self.ecn
        fragment = _DONT_FRAGMENT if self.dont_fragment else 0
        fields = (
            (_VERSION_4_OF_5_WORDS << 8 | traffic)
            + length
            + self.identification
            + fragment
            + (self.ttl << 8 | self.protocol)
            + self.source
            + self.destination
        )
        try:
            header = _HEADER.pack(
                _VERSION_4_OF_5_WORDS,
                traffic,
                length,
                self.identification,
                fragment,
                self.ttl,
                self.protocol,
                checksum(fields),
                self.source,
                self.destination,
            )
        except struct.error as error:
            raise PacketError(f"a field of IPv4 is out of range: {error}") from None
        return header + self.payload
