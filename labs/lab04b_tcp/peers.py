"""The end that the judge plays itself: our own TCP, on a host that has nothing else, in the judge's process.

It can be made to behave like the difficult ones among one's neighbours: to read nothing for a while, to repeat itself
in pieces that overlap, to begin its numbers just before they go round. It never breaks a rule of TCP.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any

from labs.testbed.scene import Send
from netstack.flow.sequence import MODULUS, add
from netstack.packets import Arp, Ethernet, IPv4, PacketError, Tcp, ethernet, number
from netstack.tcp import Connection, Endpoint, Settings
from netstack.wire import SECOND

MACS = {"a": bytes.fromhex("020000000100"), "b": bytes.fromhex("020000000200")}
ADDRESSES = {"a": "10.0.0.1", "b": "10.0.0.2"}
PORT = 4_000
B = (number(ADDRESSES["b"]), PORT)
PROTOCOL = 6
PLAIN = Settings(timestamps=False, sack=False, rack=False, quick_acks=0, time_wait=1.0)
"""TCP as RFC 9293 has it, without what was added later: that is what the student's end speaks too."""


@dataclass(slots=True)
class FarEnd:
    """Answers one call from a. It `says` something, and reads all that comes, but not during `pauses` (from, to; ns).

    `every`: it reads at most `most` bytes each so many nanoseconds. `speaks_at` is when it begins to speak. `repeats`
    draws the pieces in which it repeats what it has said (None: it does not).
    """

    says: bytes = b""
    settings: Settings = PLAIN
    isn: int = 5_000
    pauses: Sequence[tuple[int, int]] = ()
    every: int = 0
    most: int = 1 << 30
    speaks_at: int = 0
    closes: bool = True
    repeats: random.Random | None = None
    received: bytearray = field(default_factory=bytearray)
    connection: Connection | None = None
    _said: int = 0
    _read_at: int = 0
    _closed: bool = False
    _now: int = 0

    # What comes

    def receive(self, link: int, frame: bytes, *, now: int) -> Iterator[Send]:
        """A frame has come."""
        try:
            ether = Ethernet.parse(frame)
            if ether.type == ethernet.ARP:
                yield from self._answer(Arp.parse(ether.payload))
            elif ether.type == ethernet.IPV4:
                packet = IPv4.parse(ether.payload)
                segment = Tcp.parse(packet.payload, packet.source, packet.destination)
                self._take((packet.source, segment.source_port), segment, self._seconds(now))
        except PacketError:
            return
        yield from self._act(now)

    def _answer(self, question: Arp) -> Iterator[Send]:
        if question.operation == 1 and question.target_ip == B[0]:
            answer = Arp(2, MACS["b"], B[0], question.sender_mac, question.sender_ip)
            yield Send(0, Ethernet(MACS["a"], MACS["b"], ethernet.ARP, answer.build()).build())

    def _take(self, caller: Endpoint, segment: Tcp, now: float) -> None:
        if self.connection is None:
            self.connection = Connection.accept(B, caller, segment, isn=self.isn, now=now, settings=self.settings)
        else:
            self.connection.receive(segment, now=now)

    def _seconds(self, now: int) -> float:
        """The time for the connection: not before its timer, when that is due to the nanosecond."""
        due = self.connection.next_timer() if self.connection is not None else None
        return max(due, now / SECOND) if due is not None and ceil(due * SECOND) <= now else now / SECOND

    # What its user does

    def _act(self, now: int) -> Iterator[Send]:
        connection, self._now = self.connection, now
        if connection is None:
            return
        if connection.is_established:
            self._speak(connection, now)
        self._read(connection, now)
        for segment in connection.segments_to_send(now=self._seconds(now)):
            for piece in self._pieces(segment):
                yield Send(0, _frame(piece, connection.remote))

    def _speak(self, connection: Connection, now: int) -> None:
        if now >= self.speaks_at:
            self._said += connection.write(self.says[self._said :])
            if self._said == len(self.says) and self.closes and not self._closed:
                self._closed = True
                connection.shut_down(now=self._seconds(now))

    def _read(self, connection: Connection, now: int) -> None:
        if self._read_at <= now and self._pause(now) is None and connection.readable:
            self.received += connection.read(self.most, now=self._seconds(now))
            self._read_at = now + self.every

    def _pause(self, now: int) -> int | None:
        """When the pause ends that it has now, or None."""
        return next((end for begin, end in self.pauses if begin <= now < end), None)

    def _pieces(self, segment: Tcp) -> Iterator[Tcp]:
        """The segment; and now and then, before or behind it, a piece that reaches back into what was said earlier."""
        source, begin = self.repeats, (segment.sequence - self.isn - 1) % MODULUS
        if source is None or not segment.payload or source.random() < 0.4:
            yield segment
            return
        back = source.randint(1, 900)
        start = max(0, begin - back)
        length = source.randint(1, min(self.settings.mss, begin - start + len(segment.payload)))
        piece = replace(segment, sequence=add(self.isn, start + 1), payload=self.says[start : start + length], flags=16)
        yield from (piece, segment) if source.random() < 0.5 else (segment, piece)

    # Time

    def next_timer(self) -> int | None:
        """When `handle_timer` wants to be called, in nanoseconds."""
        connection = self.connection
        if connection is None:
            return None
        due = connection.next_timer()
        times = [] if due is None else [ceil(due * SECOND)]
        if self._now < self.speaks_at:
            times.append(self.speaks_at)
        if connection.readable:
            at = max(self._read_at, self._now)
            times.append(self._pause(at) or at)
        return min(times, default=None)

    def handle_timer(self, *, now: int) -> Iterator[Send]:
        """Do what is due."""
        connection = self.connection
        if connection is not None:
            due = connection.next_timer()
            if due is not None and ceil(due * SECOND) <= now:
                connection.handle_timer(now=self._seconds(now))
            yield from self._act(now)


def _frame(segment: Tcp, to: Endpoint) -> bytes:
    packet = IPv4(B[0], to[0], PROTOCOL, segment.build(B[0], to[0]))
    return Ethernet(MACS["a"], MACS["b"], ethernet.IPV4, packet.build()).build()


def parse(frame: bytes) -> Tcp | None:
    """The segment in a frame; None when there is none."""
    try:
        ether = Ethernet.parse(frame)
        if ether.type != ethernet.IPV4:
            return None
        packet = IPv4.parse(ether.payload)
        return Tcp.parse(packet.payload, packet.source, packet.destination)
    except PacketError:
        return None


def settings(**changed: Any) -> Settings:
    """The judge's TCP, but for what is `changed`."""
    return replace(PLAIN, **changed)
