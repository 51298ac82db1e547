"""TCP: the segment, as it travels (RFC 9293, 3.1). What it means is `netstack.tcp`'s business.

    offset  size
    0       2     source port
    2       2     destination port
    4       4     sequence number, of the first byte of the payload (or of SYN, or of FIN when there is no payload)
    8       4     acknowledgement: the sequence number that is expected next
    12      1     the header's length in words of 4 bytes (4 bits), and 4 reserved bits, ignored
    13      1     flags: CWR ECE URG ACK PSH RST SYN FIN
    14      2     window
    16      2     checksum, of everything and of the pseudo header (see `udp`)
    18      2     urgent pointer
    20      n     options, then payload

An option is a kind, a length and what it says; kinds 0 (the end) and 1 (filler) are a single byte. Here the options
are one value, `Options`, with a field for each that this stack knows. Others are skipped, and so is a known one whose
length is not the one it should have: the length still leads to the next. A length below 2, or beyond the header, leads
nowhere, and nothing behind it can be trusted: that segment is refused.
"""

import struct
from dataclasses import dataclass

from netstack.packets.checksum import checksum, verifies
from netstack.packets.error import PacketError
from netstack.packets.quick_init import quick_init

PROTOCOL = 6
"""TCP's number in the header of IPv4."""

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))

_LETTERS = "FSRP.UEW"
"""tcpdump's letter for each flag, lowest bit first."""

# Kinds of options: RFC 9293 (3.2), 7323 (2.2 and 3.2), 2018 (2 and 3).
_END, _FILLER, _MSS, _WINDOW_SCALE, _SACK_PERMITTED, _SACK, _TIMESTAMPS = 0, 1, 2, 3, 4, 5, 8
_FILLERS = bytes((_FILLER, _FILLER))
_ONLY_TIMESTAMPS = bytes((_FILLER, _FILLER, _TIMESTAMPS, 10))
"""How the options begin, as RFC 7323 (appendix A) recommends it, where there is nothing else to say."""

_LARGEST_SCALE = 14
"""RFC 7323 (2.3)."""

_HEADER = struct.Struct("!HHIIBBHHH")
_KIND_AND_LENGTH = struct.Struct("!BB")
_TWO_WORDS = struct.Struct("!II")


@quick_init
@dataclass(frozen=True, slots=True)
class Options:
    """What the options of one segment say; None, False and () are what is not said.

    `mss` is in bytes, `window_scale` a number of bits, `sack` the received blocks as [first, behind last) in sequence
    numbers, `timestamps` the sender's clock and the one it echoes.
    """

    mss: int | None = None
    window_scale: int | None = None
    sack_permitted: bool = False
    sack: tuple[tuple[int, int], ...] = ()
    timestamps: tuple[int, int] | None = None

    @classmethod
    def parse(cls, data: bytes | memoryview) -> "Options":
        """Read the part of a header behind its first 20 bytes. Raises `PacketError`: a length that leads nowhere."""
        if len(data) == 12 and data[:4] == _ONLY_TIMESTAMPS:  # nearly every segment of a connection that has agreed on
            return cls(timestamps=_TWO_WORDS.unpack_from(data, 4))  # them: these two lines parse it 1.5 times as fast
        said: dict[int, bytes] = {}
        at = 0
        while at < len(data) and data[at] != _END:
            if data[at] == _FILLER:
                at += 1
                continue
            length = data[at + 1] if at + 1 < len(data) else 0
            if length < 2 or at + length > len(data):
                raise PacketError(f"TCP option {data[at]} has a length that leads nowhere")  # RFC 9293 MUST-7
            said[data[at]] = bytes(data[at + 2 : at + length])
            at += length
        return cls._understood(said)

    @classmethod
    def _understood(cls, said: dict[int, bytes]) -> "Options":
        mss, scale, stamps = said.get(_MSS, b""), said.get(_WINDOW_SCALE, b""), said.get(_TIMESTAMPS, b"")
        blocks = said.get(_SACK, b"")
        return cls(
            mss=int.from_bytes(mss, "big") if len(mss) == 2 else None,
            window_scale=min(scale[0], _LARGEST_SCALE) if len(scale) == 1 else None,  # RFC 7323 (2.3): use 14
            sack_permitted=said.get(_SACK_PERMITTED) == b"",
            sack=tuple(_TWO_WORDS.iter_unpack(blocks)) if len(blocks) % 8 == 0 else (),
            timestamps=_TWO_WORDS.unpack(stamps) if len(stamps) == 8 else None,
        )

    def build(self) -> bytes:
        """The options in whole words, in the order and with the fillers that Linux chooses.

        Raises `PacketError` for a field out of range, and for more than 40 bytes: four blocks of SACK fit, beside
        timestamps three.
        """
        try:
            built = b"".join(self._pieces())
        except struct.error as error:
            raise PacketError(f"an option of TCP is out of range: {error}") from None
        if len(built) > 40:
            raise PacketError(f"{len(built)} bytes of options, but the header has room for 40: {self}")
        return built

    def _pieces(self) -> list[bytes]:
        pieces = []
        if self.mss is not None:
            pieces.append(struct.pack("!BBH", _MSS, 4, self.mss))
        sack_permitted = _KIND_AND_LENGTH.pack(_SACK_PERMITTED, 2) if self.sack_permitted else _FILLERS
        if self.timestamps:
            pieces += [sack_permitted, _KIND_AND_LENGTH.pack(_TIMESTAMPS, 10), _TWO_WORDS.pack(*self.timestamps)]
        elif self.sack_permitted:
            pieces += [_FILLERS, sack_permitted]
        if self.window_scale is not None:
            if not 0 <= self.window_scale <= _LARGEST_SCALE:
                raise PacketError(f"a window is scaled by 14 bits at most, not by {self.window_scale}")
            pieces.append(bytes((_FILLER, _WINDOW_SCALE, 3, self.window_scale)))
        if self.sack:
            pieces.append(_FILLERS + _KIND_AND_LENGTH.pack(_SACK, 2 + 8 * len(self.sack)))
            pieces += [_TWO_WORDS.pack(*block) for block in self.sack]
        return pieces

    def __str__(self) -> str:
        """As tcpdump writes them, fillers left out: "mss 1460,sackOK,TS val 1 ecr 0,wscale 7"."""
        said = []
        if self.mss is not None:
            said.append(f"mss {self.mss}")
        if self.sack_permitted:
            said.append("sackOK")
        if self.timestamps:
            said.append("TS val {} ecr {}".format(*self.timestamps))
        if self.window_scale is not None:
            said.append(f"wscale {self.window_scale}")
        if self.sack:
            said.append(f"sack {len(self.sack)} " + "".join("{{{}:{}}}".format(*block) for block in self.sack))
        return ",".join(said)


NO_OPTIONS = Options()


@quick_init
@dataclass(frozen=True, slots=True)
class Tcp:
    """A segment. `sequence` and `acknowledgement` are 32-bit numbers, `window` is what is in the field, not scaled."""

    source_port: int
    destination_port: int
    sequence: int
    acknowledgement: int
    flags: int
    window: int
    payload: bytes = b""
    options: Options = NO_OPTIONS
    urgent: int = 0

    @classmethod
    def parse(cls, data: bytes | memoryview, source: int, destination: int) -> "Tcp":
        """The inverse of `build`, with the IPv4 addresses it travelled between.

        Raises `PacketError`: lengths that cannot be, a wrong checksum, options that lead nowhere.
        """
        if len(data) < 20:
            raise PacketError(f"{len(data)} bytes are too few for TCP: its header alone has 20")
        if not verifies(data, source + destination + PROTOCOL + len(data)):
            raise PacketError("the checksum of the TCP segment does not match")
        source_port, destination_port, sequence, acknowledged, words, flags, window, _, urgent = _HEADER.unpack_from(
            data
        )
        header = (words >> 4) * 4
        if not 20 <= header <= len(data):
            raise PacketError(f"a header of {header} bytes in a segment of {len(data)} cannot be")
        return cls(
            source_port,
            destination_port,
            sequence,
            acknowledged,
            flags,
            window,
            bytes(data[header:]),
            NO_OPTIONS if header == 20 else Options.parse(data[20:header]),
            urgent,
        )

    def build(self, source: int, destination: int) -> bytes:
        """The segment's bytes, checksum made. Raises `PacketError` for a field out of range, or too many options."""
        options = b"" if self.options is NO_OPTIONS else self.options.build()
        behind = options + self.payload
        words = (20 + len(options)) // 4 << 4
        pseudo = source + destination + PROTOCOL + 20 + len(behind)
        fields = (
            pseudo
            + self.source_port
            + self.destination_port
            + self.sequence
            + self.acknowledgement
            + (words << 8 | self.flags)
            + self.window
            + self.urgent
        )
        try:
            header = _HEADER.pack(
                self.source_port,
                self.destination_port,
                self.sequence,
                self.acknowledgement,
                words,
                self.flags,
                self.window,
                checksum(fields, behind),
                self.urgent,
            )
        except struct.error as error:
            raise PacketError(f"a field of TCP is out of range: {error}") from None
        return header + behind

    @property
    def segment_length(self) -> int:
        """SEG.LEN: how many sequence numbers the segment takes up; SYN and FIN take one each (RFC 9293, 3.4)."""
        return len(self.payload) + (self.flags & SYN != 0) + (self.flags & FIN != 0)

    @property
    def text(self) -> str:
        """One line in tcpdump's way: "80 > 4000: Flags [S.], seq 0, ack 1, win 65535, options [mss 1460], length 0"."""
        flags = "".join(letter for bit, letter in enumerate(_LETTERS) if self.flags >> bit & 1) or "none"
        line = f"{self.source_port} > {self.destination_port}: Flags [{flags}]"
        if self.payload:
            line += f", seq {self.sequence}:{(self.sequence + len(self.payload)) % 2**32}"
        elif self.flags & (SYN | FIN | RST):
            line += f", seq {self.sequence}"
        if self.flags & ACK:
            line += f", ack {self.acknowledgement}"
        line += f", win {self.window}"
        if self.flags & URG:
            line += f", urg {self.urgent}"
        if self.options != NO_OPTIONS:
            line += f", options [{self.options}]"
        return f"{line}, length {len(self.payload)}"

    def __str__(self) -> str:
        """The same as `text`."""
        return self.text
