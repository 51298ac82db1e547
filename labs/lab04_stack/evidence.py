"""What the judge reads out of frames: segments, the bytes of a stream, and who was told what when."""

from collections.abc import Iterator
from dataclasses import dataclass

from labs.story.trace import FrameEvent, Trace
from netstack.flow.sequence import add, distance
from netstack.packets import ACK, RST, SYN, Ethernet, IPv4, PacketError, Tcp
from netstack.packets.ethernet import IPV4
from netstack.packets.tcp import PROTOCOL
from netstack.wire import SECOND


@dataclass(frozen=True, slots=True)
class Segment:
    """A TCP segment on a wire, and the frame that carried it."""

    frame: FrameEvent
    tcp: Tcp

    @property
    def at(self) -> int:
        """When it was sent, in nanoseconds."""
        return self.frame.at

    def has(self, flag: int) -> bool:
        """Whether a flag is set."""
        return bool(self.tcp.flags & flag)


def behind(segment: Tcp) -> int:
    """The number behind a segment: that of the next one."""
    return add(segment.sequence, segment.segment_length)


def segment_in(frame: bytes) -> Tcp | None:
    """The TCP segment that `frame` carries; None for anything else, damaged ones too."""
    try:
        ethernet = Ethernet.parse(frame)
        packet = IPv4.parse(ethernet.payload) if ethernet.type == IPV4 else None
        if packet is None or packet.protocol != PROTOCOL:
            return None
        return Tcp.parse(packet.payload, packet.source, packet.destination)
    except PacketError:
        return None


def segments(trace: Trace, direction: str) -> list[Segment]:
    """All TCP segments that were sent in a direction, in order."""
    found = ((frame, segment_in(frame.data)) for frame in trace.frames(direction))
    return [Segment(frame, tcp) for frame, tcp in found if tcp is not None]


def connections(trace: Trace, direction: str) -> int:
    """How many connections were opened in a direction: SYNs with different numbers or ports."""
    opened = {(one.tcp.source_port, one.tcp.sequence) for one in segments(trace, direction) if _opens(one)}
    return len(opened)


def _opens(segment: Segment) -> bool:
    return segment.has(SYN) and not segment.has(ACK)


def spoken(trace: Trace, direction: str) -> bytes:
    """The stream of bytes that was sent in a direction, of the connection that was opened first, put together."""
    sent = segments(trace, direction)
    first = next((one for one in sent if one.has(SYN)), None)
    if first is None:
        return b""
    pieces = {
        distance((first.tcp.sequence + 1) % (1 << 32), one.tcp.sequence): one.tcp.payload
        for one in sorted(sent, key=lambda one: len(one.tcp.payload))
        if one.tcp.source_port == first.tcp.source_port and one.tcp.payload
    }
    return b"".join(_in_order(pieces))


def _in_order(pieces: dict[int, bytes]) -> Iterator[bytes]:
    at = 0
    for place in sorted(place for place in pieces if place >= 0):
        if place > at:
            return  # what lies behind a gap has no meaning
        piece = pieces[place][at - place :]
        at += len(piece)
        yield piece


def resets(trace: Trace, direction: str) -> list[Segment]:
    """The segments that end a connection at once."""
    return [one for one in segments(trace, direction) if one.has(RST)]


def named(frame: FrameEvent | None) -> str:
    """A frame as scripts call it, and when it was sent."""
    return f"{frame.direction}:{frame.kind}:{frame.index} (at {seconds(frame.at)})" if frame else "none"


def seconds(at: int) -> str:
    """A time in words."""
    return f"{at / SECOND:.6g} s"
