"""Between a script's numbers and those on the wire.

A script counts from 0 in each direction. On the wire a direction begins anywhere: the host under test draws its number,
which we learn from its SYN; ours begins shortly before the numbers wrap, so that every script crosses that too. Ports
are learned likewise, and so is where the other side's clock of timestamps begins.
"""

import struct
from dataclasses import dataclass, field, replace

from labs.pkt.ground import LOCAL, PORT, REMOTE
from labs.pkt.script import LETTERS, Option, Segment, Unreachable
from netstack.packets import ACK, SYN, IPv4, PacketError, Tcp, icmp
from netstack.packets.checksum import checksum

REMOTE_FIRST = 2**32 - 700
REMOTE_PORT = 40000
_HEADER = struct.Struct("!HHIIBBHHH")
_KINDS = {"eol": 0, "nop": 1, "mss": 2, "wscale": 3, "sackOK": 4, "sack": 5, "TS": 8}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_FORMATS = {"mss": "!H", "wscale": "!B", "sackOK": "!", "TS": "!II"}


def pattern(start: int, length: int) -> bytes:
    """The data of a stream from sequence number `start` on: each byte tells where it belongs."""
    first = (start - 1) % 251
    return bytes((first + step) % 251 for step in range(length))


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A segment that the host under test has sent, in the script's numbers.

    Of several that were put together, `since` is when the first came, `at` when the last did.
    """

    at: float
    since: float
    flags: int
    start: int
    payload: bytes
    acknowledgement: int
    window: int
    options: tuple[Option, ...]
    ecn: int
    urgent: int

    @property
    def end(self) -> int:
        """The number after its payload."""
        return (self.start + len(self.payload)) % 2**32

    def __str__(self) -> str:
        return f"> {text_of(self, len(self.payload))}"


def text_of(said: Segment | Heard, length: int) -> str:
    """A segment, as scripts write it."""
    flags = "".join(letter for bit, letter in enumerate(LETTERS) if said.flags >> bit & 1) or "-"
    text = f"{flags} {said.start}:{(said.start + length) % 2**32}({length})"
    if said.flags & ACK and said.acknowledgement is not None:
        text += f" ack {said.acknowledgement}"
    if said.window is not None:
        text += f" win {said.window[0] if isinstance(said.window, tuple) else said.window}"
    if said.options:
        text += f" <{','.join(map(str, said.options))}>"
    return text


@dataclass(slots=True)
class Translation:
    """Knows one connection's numbers; a new one makes it learn anew (`renew`)."""

    local_port: int = PORT
    remote_port: int = REMOTE_PORT
    _renews: bool = True
    _local_first: int | None = None
    _stamps_from: int | None = None
    _stamps: dict[int, int] = field(default_factory=dict)  # of the host's: as in the script → as on the wire

    def renew(self) -> None:
        """The next SYN of the host under test may begin a new connection."""
        self._renews = True

    # What we send

    def packet(self, segment: Segment) -> bytes:
        """A segment of the script, as a packet to the host under test."""
        acknowledgement = self._to_local(segment.acknowledgement or 0) if segment.flags & ACK else 0
        payload = pattern(segment.start, segment.length)
        window = segment.window[0] if segment.window else 0
        options = b"".join(map(self._built, segment.options or ()))
        options += bytes(-len(options) % 4)
        words = (20 + len(options)) // 4
        fields = [
            self.remote_port,
            self.local_port,
            (REMOTE_FIRST + segment.start) % 2**32,
            acknowledgement,
            words << 4,
            segment.flags,
            window,
            0,
            segment.urgent,
        ]
        behind = options + payload
        pseudo = REMOTE + LOCAL + 6 + 20 + len(behind)
        fields[7] = checksum(pseudo, _HEADER.pack(*fields) + behind)
        return IPv4(REMOTE, LOCAL, 6, _HEADER.pack(*fields) + behind, ecn=segment.ecn or 0).build()

    def error(self, message: Unreachable) -> bytes:
        """A router's word that a segment of the host under test did not arrive."""
        start = self._to_local(message.start)
        header = _HEADER.pack(self.local_port, self.remote_port, start, 0, 5 << 4, ACK, 0, 0, 0)
        quoted = IPv4(LOCAL, REMOTE, 6, header + bytes(message.length)).build()[:28]
        answer = icmp.unreachable(message.code, quoted, message.mtu)
        return IPv4(REMOTE, LOCAL, 1, answer.build()).build()

    def _to_local(self, number: int) -> int:
        return ((self._local_first or 0) + number) % 2**32

    def _built(self, option: Option) -> bytes:
        kind = _KINDS[option.name]
        if option.name in ("nop", "eol"):
            return bytes((kind,))
        numbers = option.numbers
        if option.name == "TS":
            value, echo = numbers
            numbers = value, self._stamps.get(echo, ((self._stamps_from or 0) + echo) % 2**32) if echo else 0
        elif option.name == "sack":
            numbers = tuple(map(self._to_local, numbers))
        said = struct.pack(_FORMATS.get(option.name, f"!{len(numbers)}I"), *numbers)
        return bytes((kind, 2 + len(said))) + said

    # What we hear

    def heard(self, at: float, packet: bytes) -> Heard | None:
        """A packet of the host under test, if it is TCP's; learns what can be learned from it."""
        try:
            outer = IPv4.parse(packet)
            if outer.protocol != 6 or outer.destination != REMOTE:
                return None
            tcp = Tcp.parse(outer.payload, outer.source, outer.destination)
        except PacketError:
            return None
        if tcp.flags & SYN and self._renews:
            if tcp.sequence != self._local_first:
                self._stamps_from = None
                self._stamps.clear()
            self._local_first, self._renews = tcp.sequence, False
            self.local_port, self.remote_port = tcp.source_port, tcp.destination_port
        return Heard(
            at=at,
            since=at,
            flags=tcp.flags,
            start=(tcp.sequence - (self._local_first or 0)) % 2**32,
            payload=tcp.payload,
            acknowledgement=(tcp.acknowledgement - REMOTE_FIRST) % 2**32 if tcp.flags & ACK else 0,
            window=tcp.window,
            options=tuple(self._read_options(outer.payload[20 : (outer.payload[12] >> 4) * 4])),
            ecn=outer.ecn,
            urgent=tcp.urgent,
        )

    def _read_options(self, data: bytes) -> list[Option]:
        found, at = [], 0
        while at < len(data):
            name = _NAMES.get(data[at], f"kind {data[at]}")
            if name in ("nop", "eol"):
                found.append(Option(name))
                at += 1
                continue
            said = data[at + 2 : at + data[at + 1]]  # its length is right: Tcp.parse has looked
            at += data[at + 1]
            found.append(self._read(name, said))
        return found

    def _read(self, name: str, said: bytes) -> Option:
        try:
            numbers = struct.unpack(_FORMATS.get(name, f"!{len(said) // 4}I"), said)
        except struct.error:
            return Option(f"{name}?")
        if name == "sack":
            return Option(name, tuple((number - REMOTE_FIRST) % 2**32 for number in numbers))
        if name == "TS" and self._stamps_from is not None:
            return Option(name, (((numbers[0] - self._stamps_from) % 2**32), numbers[1]))
        return Option(name, numbers)

    def match_stamps(self, heard: Heard, expected: Segment) -> Heard:
        """Learn where the host's clock begins from the first stamp that the script expects; `heard` in its terms."""
        live, written = _stamp(heard.options), _stamp(expected.options or ())
        if live is None or written is None:
            return heard
        if self._stamps_from is None:
            self._stamps_from = (live[0] - written[0]) % 2**32
            live = written[0], live[1]
        self._stamps[written[0]] = (self._stamps_from + live[0]) % 2**32
        stamp = Option("TS", live)
        return replace(heard, options=tuple(stamp if each.name == "TS" else each for each in heard.options))


def _stamp(options: tuple[Option, ...]) -> tuple[int, int] | None:
    return next(((each.numbers[0], each.numbers[1]) for each in options if each.name == "TS"), None)
