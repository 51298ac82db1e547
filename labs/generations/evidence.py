"""What acted in a play, told from frames alone: each generation's own means against faults, and how often it
used them.

Nothing here believes a program. That something was sent again shows in its number, that something was put back in
order shows in the order of arrivals, that a checksum refused shows in what arrived damaged and was sent once more. A
count alone says little (any play of TCP has handshakes); what a fault caused is the difference to a play without it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from labs.lab01_wire import kinds as wire
from labs.lab03_flow import kinds as flow
from labs.story import packets
from labs.story.trace import FrameEvent, Trace

MODULUS = 1 << 32


def arrivals(trace: Trace, direction: str) -> Iterator[bytes]:
    """What arrives in one direction, each copy, in the order of arrival."""
    frames = enumerate(trace.frames(direction))
    copies = ((at, number, frame) for number, frame in frames for at in frame.arrivals)
    return (
        frame.data if frame.arrived is None else frame.arrived
        for _, _, frame in sorted(copies, key=lambda copy: copy[:2])
    )


def directions(trace: Trace) -> tuple[str, ...]:
    """Both directions of each line."""
    return tuple(direction for line in trace.lines for direction in (line.name, "-".join(reversed(line.ends))))


# Bare frames: conversations have numbers, names are asked for ---------------------------------------------------------


def of_wire(trace: Trace) -> Counter[str]:
    """Lab 1: an answer that comes twice, or after a later one's, is told by the number of its conversation."""
    acted: Counter[str] = Counter(search=sum(wire.classify(frame.data) == "who-has" for frame in trace.frames()))
    for direction in directions(trace):
        latest = 0
        for frame in arrivals(trace, direction):
            if wire.classify(frame) == "answer":
                acted["conversations"] += frame[15] <= latest
                latest = max(latest, frame[15])
    return acted


# Lab 3: numbers, acknowledgements, credit -----------------------------------------------------------------------------


def of_flow(trace: Trace) -> Counter[str]:
    """Data sent a second time; data that arrives out of turn; questions held back, for there was no credit for them."""
    acted: Counter[str] = Counter(credit=_held_back(trace))
    for direction in directions(trace):
        sent = [_number(frame.data) for frame in trace.frames(direction) if flow.classify(frame.data) == "data"]
        acted["repeats"] += len(sent) - len(set(sent))
        acted["numbers"] += _out_of_turn(_number(each) for each in arrivals(trace, direction) if _is_data(each))
    return acted


def _held_back(trace: Trace) -> int:
    """How many questions went out later than they were asked. They are numbered in the order of asking, from 0."""
    line = trace.lines[0]
    sent: dict[int, int] = {}
    for frame in trace.frames(line.name):
        if _is_data(frame.data):
            sent.setdefault(_number(frame.data), frame.at)
    asked = trace.at_port("offered", line.ends[0])
    return sum(sent.get(number, event.at) > event.at for number, event in enumerate(asked))


def _is_data(frame: bytes) -> bool:
    return flow.classify(frame) == "data"


def _number(frame: bytes) -> int:
    return int.from_bytes(frame[16:20], "big")


def _out_of_turn(numbers: Iterator[int]) -> int:
    """How many of `numbers` are not the one after all that have come before."""
    seen: set[int] = set()
    wanted = count = 0
    for number in numbers:
        count += number != wanted
        seen.add(number)
        while wanted in seen:
            wanted += 1
    return count


# TCP: the same, below the application ---------------------------------------------------------------------------------

SYN, FIN, RST, ACK = 0x02, 0x01, 0x04, 0x10


@dataclass(frozen=True, slots=True)
class Segment:
    """A TCP segment, so far as this module looks at it. `flow` is addresses and ports, from the sender's side."""

    flow: bytes
    sequence: int
    length: int
    flags: int
    payload: bytes

    @classmethod
    def of(cls, frame: bytes) -> "Segment | None":
        """Read a whole frame; None for what is none of TCP's, or damaged so that it looks like none."""
        if packets.classify(frame) not in ("rst", "syn", "synack", "fin", "data", "ack", "zero"):
            return None
        at = packets.ETHERNET + 4 * (frame[14] & 15)
        begin = at + 4 * (frame[at + 12] >> 4)
        payload = frame[begin : packets.ETHERNET + int.from_bytes(frame[16:18], "big")]
        flags = frame[at + 13]
        length = len(payload) + bool(flags & SYN) + bool(flags & FIN)
        sequence = int.from_bytes(frame[at + 4 : at + 8], "big")
        return cls(frame[26:34] + frame[at : at + 4], sequence, length, flags, payload)

    @property
    def answers(self) -> bytes:
        """The flow that this one is the other direction of."""
        flow = self.flow
        return flow[4:8] + flow[:4] + flow[10:12] + flow[8:10]


@dataclass(slots=True)
class _Stream:
    """One direction of a connection: where it begins, and how far it has come."""

    first: int
    end: int = 0

    def place(self, segment: Segment) -> int:
        return (segment.sequence - self.first) % MODULUS

    def advance(self, segment: Segment) -> bool:
        """Take in a segment that takes up room; whether it is the next one."""
        is_next = self.place(segment) == self.end
        self.end = max(self.end, self.place(segment) + segment.length)
        return is_next


@dataclass(slots=True)
class _Streams:
    _known: dict[bytes, _Stream] = field(default_factory=dict)

    def of(self, segment: Segment) -> _Stream:
        known = self._known.get(segment.flow)
        if known is None or (segment.flags & SYN and known.first != segment.sequence):  # or the same ports once more
            known = self._known[segment.flow] = _Stream(segment.sequence)
        return known


def of_tcp(trace: Trace) -> Counter[str]:
    """Segments sent again, arriving out of turn, or damaged; a window of nothing; addresses asked for once more."""
    kinds = Counter(packets.classify(frame.data) for frame in trace.frames())
    damaged = sum(frame.arrived is not None and not frame.lost for frame in trace.frames())
    acted: Counter[str] = Counter(window=kinds["zero"], addresses=kinds["arp"], checksum=damaged)
    for direction in directions(trace):
        sent, heard = _Streams(), _Streams()
        for segment in _segments(frame.data for frame in trace.frames(direction)):
            stream = sent.of(segment)
            acted["repeats"] += stream.place(segment) < stream.end
            stream.advance(segment)
        acted["numbers"] += sum(not heard.of(each).advance(each) for each in _segments(arrivals(trace, direction)))
    return acted


def _segments(frames: Iterator[bytes]) -> Iterator[Segment]:
    """Those that take up room in the numbers, and so are sent again when they are lost."""
    segments = map(Segment.of, frames)
    return (each for each in segments if each is not None and each.length and not each.flags & RST)


# Layers over TCP: calls that have keys -------------------------------------------------------------------------------

KEY = b"\r\nidempotency-key: "


def of_layers(trace: Trace) -> Counter[str]:
    """TCP's, and besides what was tried again: a key sent once more, or a connection that nobody was there to take."""
    acted = of_tcp(trace)
    requests: set[tuple[bytes, int]] = set()
    keys: Counter[bytes] = Counter()
    for segment in (each for frame in trace.frames() if (each := Segment.of(frame.data)) is not None):
        place = segment.flow, segment.sequence
        if segment.payload.startswith(b"POST ") and place not in requests:
            requests.add(place)
            keys[_key(segment.payload)] += 1
    refused = {segment.answers for segment in _resets(trace)} & _answered_by_nobody(trace)
    acted["tries"] = sum(count - 1 for count in keys.values()) + len(refused)
    return acted


def _key(request: bytes) -> bytes:
    return request.lower().partition(KEY)[2].partition(b"\r\n")[0]


def _resets(trace: Trace) -> Iterator[Segment]:
    segments = (Segment.of(frame.data) for frame in trace.frames())
    return (each for each in segments if each is not None and each.flags & RST)


def _answered_by_nobody(trace: Trace) -> set[bytes]:
    """The flows that begin with a SYN which no SYN answers."""
    segments = [each for frame in trace.frames() if (each := Segment.of(frame.data)) is not None and each.flags & SYN]
    return {each.flow for each in segments if not each.flags & ACK} - {
        each.answers for each in segments if each.flags & ACK
    }


def is_hit(frame: FrameEvent) -> bool:
    """Whether a fault did something to this frame."""
    return bool(frame.faults) or frame.lost == "cut"
