"""Two connections back to back, over two wires, in virtual time: what most tests of TCP are written with."""

import heapq
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from netstack.packets import PacketError
from netstack.packets.ethernet import Ethernet
from netstack.packets.ipv4 import IPv4, number
from netstack.packets.tcp import ACK, FIN, RST, SYN, Tcp
from netstack.tcp import Connection, Settings
from netstack.wire import SECOND, Fault, Profile, Wire

A, B = (number("10.0.0.1"), 40000), (number("10.0.0.2"), 80)


def parse(frame: bytes) -> Tcp:
    packet = IPv4.parse(Ethernet.parse(frame).payload)
    return Tcp.parse(packet.payload, packet.source, packet.destination)


def kind(frame: bytes) -> str:
    """What a script of faults calls the segment in a frame."""
    segment = parse(frame)
    if segment.flags & RST:
        return "rst"
    if segment.flags & SYN:
        return "synack" if segment.flags & ACK else "syn"
    if segment.payload:
        return "data"
    return "fin" if segment.flags & FIN else "ack"


@dataclass
class Dialogue:
    """`a` has connected to `b`, which answers when the SYN arrives. Bytes to send are given, and sent as fits."""

    profile: Profile = Profile()
    script: Sequence[str] = ()
    seed: int = 0
    a_settings: Settings = Settings()
    b_settings: Settings = Settings()
    isn: tuple[int, int] = (1000, 5000)
    now: float = 0.0
    log: list[str] = field(default_factory=list)
    reads: bool = True
    """Whether both users read all that comes, at once."""
    gone: int = 0

    def __post_init__(self) -> None:
        faults = [Fault.parse(text) for text in self.script]
        self._wires = {
            direction: Wire(
                direction=direction,
                link="a-b",
                profile=self.profile,
                script=tuple(faults),
                seed=self.seed,
                classify=kind,
            )
            for direction in ("a-b", "b-a")
        }
        self._heap: list[tuple[float, int, str, bytes]] = []
        self._order = itertools.count()
        self.a = Connection.connect(A, B, isn=self.isn[0], now=0.0, settings=self.a_settings)
        self.b: Connection | None = None
        self.to_send = {"a": memoryview(b""), "b": memoryview(b"")}
        self.received = {"a": bytearray(), "b": bytearray()}
        self.closes = {"a": False, "b": False}
        self._flush("a")

    def end(self, name: str) -> Connection | None:
        return self.a if name == "a" else self.b

    def _flush(self, name: str) -> None:
        """Let the users act, and put on the wire what comes of it."""
        connection = self.end(name)
        assert connection is not None
        if self.to_send[name]:
            taken = connection.write(self.to_send[name])
            self.to_send[name] = self.to_send[name][taken:]
        if self.closes[name] and not self.to_send[name] and connection.is_established:
            connection.shut_down(now=self.now)
            self.closes[name] = False
        if self.reads and connection.readable:
            self.received[name] += connection.read(1 << 20, now=self.now)
        for segment in connection.segments_to_send(now=self.now):
            self._transmit(name, segment)

    def _transmit(self, name: str, segment: Tcp) -> None:
        direction = "a-b" if name == "a" else "b-a"
        self.log.append(f"{self.now:.6f} {name} {segment}")
        self.gone += 1
        source, destination = (A, B) if name == "a" else (B, A)
        packet = IPv4(source[0], destination[0], 6, segment.build(source[0], destination[0]))
        frame = Ethernet(b"b" * 6, b"a" * 6, 0x0800, packet.build()).build()
        fate = self._wires[direction].offer(frame, now=round(self.now * SECOND))
        for arrival in fate.deliveries:
            to = "b" if name == "a" else "a"
            heapq.heappush(self._heap, (arrival.at / SECOND, next(self._order), to, arrival.frame))

    def _arrive(self, name: str, frame: bytes) -> None:
        try:
            segment = parse(frame)
        except PacketError:
            return
        connection = self.end(name)
        if connection is None:
            if not segment.flags & SYN:
                return
            self.b = Connection.accept(B, A, segment, isn=self.isn[1], now=self.now, settings=self.b_settings)
        else:
            connection.receive(segment, now=self.now)
        self._flush(name)

    def run(self, until: float = 1e9, most: int = 1_000_000) -> None:
        """Let happen what happens until `until` seconds, or nothing can any more."""
        for _ in range(most):
            timers = [(end.next_timer(), name) for name in "ab" if (end := self.end(name)) is not None]
            due = min(((when, name) for when, name in timers if when is not None), default=(1e18, ""))
            arrival = self._heap[0][0] if self._heap else 1e18
            if min(due[0], arrival) > until:
                self.now = max(self.now, min(until, 1e9)) if until < 1e9 else self.now
                return
            if arrival <= due[0]:
                when, _, name, frame = heapq.heappop(self._heap)
                self.now = max(self.now, when)
                self._arrive(name, frame)
            else:
                self.now = max(self.now, due[0])
                connection = self.end(due[1])
                assert connection is not None
                connection.handle_timer(now=self.now)
                self._flush(due[1])
        raise AssertionError("it makes no end:\n" + "\n".join(self.log[-30:]))

    def say(self, name: str, data: bytes) -> None:
        """The user of `name` writes."""
        self.to_send[name] = memoryview(bytes(self.to_send[name]) + data)
        if self.end(name) is not None:
            self._flush(name)

    def close(self, name: str) -> None:
        """The user of `name` sends nothing more after that."""
        self.closes[name] = True
        if self.end(name) is not None:
            self._flush(name)


def noise(count: int, seed: int = 1) -> bytes:
    """Bytes in which a mistake shows."""
    return random.Random(seed).randbytes(count)
