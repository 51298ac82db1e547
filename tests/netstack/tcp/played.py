"""One connection whose other side is played by the test, segment by segment; both sides' SYNs have the number 0.

What the connection sends is told in words: `"PA 1:6 ack 1"` is PSH and ACK, the bytes 1 to 5, acknowledging 1. Letters
are S, A, F, R, P, E (ECE) and C (CWR); flags come in the order "SFRPAEC".
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from netstack.packets.ipv4 import number
from netstack.packets.tcp import ACK, CWR, ECE, FIN, NO_OPTIONS, PSH, RST, SYN, Options, Tcp
from netstack.tcp import Connection, Settings, State

US, THEM = (number("10.0.0.1"), 40000), (number("10.0.0.2"), 80)
PLAIN = Settings(timestamps=False, sack=False, rack=False, window_scale=False, quick_acks=0)
"""None of the options; each of the tests turns on what it is about."""
MSS = Options(mss=1460)
FLAGS = {"S": SYN, "F": FIN, "R": RST, "P": PSH, "A": ACK, "E": ECE, "C": CWR}


@dataclass
class Played:
    """Begins with a passive handshake, unless `active`; with `opened=False` nothing has happened but the SYN."""

    settings: Settings = PLAIN
    active: bool = False
    opened: bool = True
    isn: int = 1000
    irs: int = 5000
    window: int = 60_000
    """What the other side announces, as it is written into the field."""
    options: Options = MSS
    """Of the other side's SYN."""
    now: float = 100.0
    round_trip: float = 0.0
    """Of the handshake, in seconds."""
    theirs: int = 0
    """The next number of the other side."""
    acked: int = 1
    """What the other side acknowledges, unless it is told to say something else."""
    sent: list[Tcp] = field(default_factory=list)
    began: list[str] = field(default_factory=list)
    """What the connection sent before the test went on."""

    def __post_init__(self) -> None:
        if self.active:
            self.it = Connection.connect(US, THEM, isn=self.isn, now=self.now, settings=self.settings)
            self.began = self.said()
            self.now += self.round_trip
            if self.opened:
                self.began += self.hear("SA", options=self.options)
        else:
            syn = self.segment("S", options=self.options)
            self.it = Connection.accept(US, THEM, syn, isn=self.isn, now=self.now, settings=self.settings)
            self.theirs += 1
            self.began = self.said()
            self.now += self.round_trip
            if self.opened:
                self.began += self.hear("A")
        if self.opened:
            assert self.it.state is State.ESTABLISHED

    def segment(
        self,
        flags: str,
        data: bytes = b"",
        *,
        seq: int | None = None,
        ack: int | None = None,
        window: int | None = None,
        options: Options = NO_OPTIONS,
    ) -> Tcp:
        """What the other side would send."""
        bits = sum(FLAGS[letter] for letter in flags)
        return Tcp(
            THEM[1],
            US[1],
            (self.irs + (self.theirs if seq is None else seq)) % 2**32,
            (self.isn + (self.acked if ack is None else ack)) % 2**32 if bits & ACK else 0,
            bits,
            self.window if window is None else window,
            data,
            options,
        )

    def hear(self, flags: str, data: bytes = b"", *, marked: bool = False, **said: object) -> list[str]:
        """The other side sends this; return what the connection says to it. A `seq` of None is the next in order."""
        segment = self.segment(flags, data, **said)  # type: ignore[arg-type]
        if said.get("seq") is None:
            self.theirs += segment.segment_length
        if said.get("ack") is not None:
            self.acked = max(self.acked, said["ack"])  # type: ignore[type-var,assignment]
        self.it.receive(segment, now=self.now, marked=marked)
        return self.said()

    def sacks(self, *blocks: tuple[int, int]) -> Options:
        """Options of the other side that acknowledge these bytes of ours selectively."""
        return Options(sack=tuple(((self.isn + begin) % 2**32, (self.isn + end) % 2**32) for begin, end in blocks))

    def said(self) -> list[str]:
        """What the connection sends now."""
        segments = list(self.it.segments_to_send(now=self.now))
        self.sent += segments
        return [self.tell(segment) for segment in segments]

    def user(self, act: Callable[[Connection], object]) -> list[str]:
        """The connection's user does something."""
        act(self.it)
        return self.said()

    def write(self, data: bytes) -> list[str]:
        """The connection's user writes."""
        assert self.it.write(data) == len(data)
        return self.said()

    def wait(self, seconds: float, most: int = 1000) -> list[str]:
        """Nothing comes for so long; return what the connection says meanwhile, and when, in milliseconds."""
        began, told = self.now, []
        until = self.now + seconds
        while (due := self.it.next_timer()) is not None and due <= until:
            self.now = max(self.now, due)
            self.it.handle_timer(now=self.now)
            told += [f"{(self.now - began) * 1000:.0f} {text}" for text in self.said()]
            most -= 1
            assert most, f"it makes no end: {told[-5:]}"
        self.now = until
        return told

    def tell(self, segment: Tcp) -> str:
        """The segment in words."""
        text = "".join(letter for letter in "SFRPAEC" if segment.flags & FLAGS[letter])
        begin = (segment.sequence - self.isn) % 2**32
        text += f" {begin}:{begin + len(segment.payload)}" if segment.payload else f" {begin}"
        return text + (f" ack {(segment.acknowledgement - self.irs) % 2**32}" if segment.flags & ACK else "")
