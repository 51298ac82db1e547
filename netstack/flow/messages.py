"""The frames of lab 3, byte by byte: Ethernet, and behind its header ten bytes of our own.

    offset  size
    0       6     destination address
    6       6     source address
    12      2     EtherType 0x88B5 (IEEE 802's for local experiments)
    14      1     kind: 1 data, 2 acknowledgement, 3 probe
    15      1     flow: which of several conversations this belongs to
    16      4     number: of this data; the next wanted, in an acknowledgement; the next to send, in a probe
    20      2     credit: in an acknowledgement, how many data from `number` on there is room for; otherwise 0
    22      2     length of the payload
    24      n     payload

Numbers are big-endian. What follows the payload is padding, and is ignored.
"""

import struct
from dataclasses import dataclass

ETHERTYPE = 0x88B5
ETHERNET = struct.Struct("!6s6sH")
HEADER = struct.Struct("!BBIHH")
OVERHEAD = ETHERNET.size + HEADER.size
LONGEST_PAYLOAD = 1500 - HEADER.size

DATA, ACK, PROBE = 1, 2, 3


class MessageError(ValueError):
    """Bytes that are no frame of this format."""


@dataclass(frozen=True, slots=True)
class Data:
    """A numbered payload."""

    number: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Ack:
    """All numbers before `number` have arrived; there is room for `credit` more, from `number` on."""

    number: int
    credit: int = 0


@dataclass(frozen=True, slots=True)
class Probe:
    """Is there room for `number`? Asks for an acknowledgement, and carries nothing."""

    number: int


Message = Data | Ack | Probe


@dataclass(frozen=True, slots=True)
class Addressed:
    """A message as it stands in a frame: between which stations, and in which flow."""

    destination: bytes
    source: bytes
    message: Message
    flow: int = 0

    def build(self) -> bytes:
        """The frame's bytes."""
        match self.message:
            case Data(number, payload):
                kind, credit = DATA, 0
            case Ack(number, credit):
                kind, payload = ACK, b""
            case Probe(number):
                kind, credit, payload = PROBE, 0, b""
        ethernet = ETHERNET.pack(self.destination, self.source, ETHERTYPE)
        return ethernet + HEADER.pack(kind, self.flow, number, credit, len(payload)) + payload

    @classmethod
    def parse(cls, frame: bytes) -> "Addressed":
        """The inverse of `build`; raises `MessageError` for anything else."""
        if len(frame) < OVERHEAD:
            raise MessageError(f"{len(frame)} bytes are too few: the headers alone have {OVERHEAD}")
        destination, source, ethertype = ETHERNET.unpack_from(frame)
        if ethertype != ETHERTYPE:
            raise MessageError(f"EtherType {ethertype:#06x} is not ours")
        kind, flow, number, credit, length = HEADER.unpack_from(frame, ETHERNET.size)
        payload = frame[OVERHEAD : OVERHEAD + length]
        if len(payload) != length:
            raise MessageError(f"the header promises {length} bytes of payload, {len(payload)} are there")
        message = _message(kind, number, credit, payload)
        return cls(destination, source, message, flow)


def _message(kind: int, number: int, credit: int, payload: bytes) -> Message:
    match kind:
        case 1 if credit == 0:
            return Data(number, payload)
        case 2 if not payload:
            return Ack(number, credit)
        case 3 if credit == 0 and not payload:
            return Probe(number)
    raise MessageError(f"kind {kind} with credit {credit} and {len(payload)} bytes of payload means nothing")
