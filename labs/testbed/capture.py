"""A trace as a pcapng file, for Wireshark, tshark and scapy: every frame, with its fate as the packet's comment.

One interface stands for one link; both directions are in it, in the order in which frames were offered. A frame that
arrived otherwise than it was sent is there twice: as it was offered, and, at its time, as it arrived. Times are those
of the scene, so a capture begins in 1970.

The format is blocks of (type, length, body, length again), in which options are (code, length, value), everything
padded to four bytes: draft-ietf-opsawg-pcapng. Left out: what is not a frame.
"""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from labs.story.escape import plain
from labs.story.trace import FrameEvent, Line, Trace
from netstack.wire import format_duration

SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
COMMENT, APPLICATION, NAME, DESCRIPTION, RESOLUTION = 1, 4, 2, 3, 9
NANOSECONDS = b"\x09"
ETHERNET, BYTES = 1, 147  # LINKTYPE_ETHERNET; LINKTYPE_USER0, for a byte pipe
LONGEST_COMMENT = 1000  # characters: kinds are named by a lab's own code, from frames that may be anything


def write_pcapng(path: Path, trace: Trace, *, step: str = "") -> None:
    """Write the frames of `trace` to `path`; `step` is said in each comment."""
    path.write_bytes(b"".join(_blocks(trace, step)))


def _blocks(trace: Trace, step: str) -> Iterator[bytes]:
    about = f"{trace.scene}, seed {trace.seed}, played on {trace.testbed}; it ended: {trace.ended}"
    header = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    yield _block(SECTION, header, [(COMMENT, _text(about)), (APPLICATION, b"downstack")])
    for line in trace.lines:
        yield _interface(line)
    numbers = {direction: number for number, line in enumerate(trace.lines) for direction in _directions(line)}
    packets = [packet for frame in trace.frames() for packet in _packets(frame, step)]
    for at, direction, data, comment in sorted(packets, key=lambda packet: packet[0]):
        head = struct.pack("<IIIII", numbers[direction], at >> 32, at & 0xFFFFFFFF, len(data), len(data))
        yield _block(PACKET, head + _padded(data), [(COMMENT, _text(comment))])


def _interface(line: Line) -> bytes:
    kind = BYTES if "byte pipe" in line.properties else ETHERNET
    options = [(NAME, _text(line.name)), (DESCRIPTION, _text(line.properties)), (RESOLUTION, NANOSECONDS)]
    return _block(INTERFACE, struct.pack("<HHI", kind, 0, 0), [option for option in options if option[1]])


def _directions(line: Line) -> tuple[str, str]:
    one, other = line.ends
    _, dot, number = line.name.partition(".")
    return f"{one}-{other}{dot}{number}", f"{other}-{one}{dot}{number}"


def _packets(frame: FrameEvent, step: str) -> Iterator[tuple[int, str, bytes, str]]:
    """A frame as (time, direction, bytes, comment); and once more, if it arrived changed."""
    prefix = f"{step}: " if step else ""
    name = f"{frame.direction}:{frame.kind}:{frame.index}"
    yield frame.at, frame.direction, frame.data, f"{prefix}{name} {_fate(frame)}"
    if frame.arrived is not None:
        yield frame.arrivals[0], frame.direction, frame.arrived, f"{prefix}{name} as it arrived"


def _fate(frame: FrameEvent) -> str:
    faults = f" ({'; '.join(frame.faults)})" if frame.faults else ""
    if frame.lost:
        return f"lost: {frame.lost}{faults}"
    waits = ", ".join(format_duration(arrival - frame.at) for arrival in frame.arrivals)
    return f"arrives after {waits}{faults}"


def _block(kind: int, body: bytes, options: Iterable[tuple[int, bytes]]) -> bytes:
    listed = b"".join(struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options)
    whole = body + listed + bytes(4)  # the option that says that there are no more
    length = struct.pack("<I", len(whole) + 12)
    return struct.pack("<I", kind) + length + whole + length


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _text(text: str) -> bytes:
    return plain(text)[:LONGEST_COMMENT].encode()
