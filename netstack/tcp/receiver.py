"""The receiving half of a connection: what has come, how much more may come, and when to say so.

The window is what the buffer still holds room for. Its right edge never moves back, and it moves on only by steps worth
a segment, or else the sender would be lured into tiny ones (the *silly window*, RFC 9293, 3.8.6.2.2). What is written
into segments may fall short of the edge, by less than one unit of the window scale: the field counts in units, and to
round up would promise room, again and again, that is not there (RFC 7323, 2.4 expects either).

An acknowledgement is held back a little, in the hope that it can travel with data, or stand for two segments (RFC 1122,
4.2.3.2). It goes at once when it can tell the sender something that it needs: a gap, the end of one, a repetition, the
end of the stream; or when a second full segment has come; or early in a conversation, to help the sender's slow start.
"""

from collections import deque
from dataclasses import dataclass, field

from netstack.tcp.reassembler import Reassembler


@dataclass(slots=True, kw_only=True)
class Receiver:
    """Numbers are positions in the stream; sizes are bytes, times seconds."""

    capacity: int
    reassembler: Reassembler
    mss: int = 536
    """The other side's full segment: the longest that has come, or what everybody must be able to send."""
    delayed_ack: float = 0.04
    quick_acks: int = 0
    scale: int = 0
    ended: bool = False
    """The other side's FIN has come, and all before it."""
    end: int | None = None
    """The number of the other side's FIN, once it has been seen."""
    ack_at: float | None = None
    """When an acknowledgement must have been sent; at once, if that is past."""
    _ready: deque[bytes] = field(default_factory=deque)
    _unread: int = 0
    _edge: int = 0
    _unacknowledged: int = 0

    def begin(self, first: int) -> None:
        """The other side's SYN has come; `first` is the number after it."""
        self._edge += first - self.reassembler.wanted  # What our SYN has announced is counted from there.
        self.reassembler.wanted = first

    @property
    def wanted(self) -> int:
        """RCV.NXT: the number that an acknowledgement carries."""
        return self.reassembler.wanted + self.ended

    @property
    def readable(self) -> int:
        """How many bytes wait to be read."""
        return self._unread

    @property
    def open_window(self) -> int:
        """RCV.WND as the other side knows it: how far beyond `wanted` it may send."""
        return max(0, self._edge - self.wanted)

    def receive(self, start: int, payload: bytes, fin: bool, *, now: float) -> None:
        """Take in a segment's text, as much of it as lies inside the window, and its FIN."""
        beyond = start + len(payload) - max(self._edge, self.wanted)
        if beyond > 0:
            payload, fin = payload[: len(payload) - beyond], False
        had_gap, before = self.reassembler.has_gap, self.reassembler.wanted
        if ready := self.reassembler.receive(start, payload):
            self._ready.append(ready)
            self._unread += len(ready)
        if fin:
            self.end = start + len(payload)
        if self.end == self.reassembler.wanted and not self.ended:
            self.ended = True
            self.acknowledge(now)
        early_fin = fin and not self.ended
        in_order = self.reassembler.wanted - before == len(payload) and not had_gap and not early_fin
        if payload or beyond > 0 or early_fin:
            self._decide(len(payload), in_order=in_order and beyond <= 0, now=now)

    def _decide(self, count: int, *, in_order: bool, now: float) -> None:
        self._unacknowledged += count
        self.mss = max(self.mss, count)
        self.quick_acks -= 1
        # RFC 5681 (4.2): at once for what is out of order; otherwise at least for every second full segment.
        if not in_order or self.quick_acks >= 0 or self._unacknowledged >= 2 * self.mss:
            self.acknowledge(now)
        elif self.ack_at is None:
            self.ack_at = now + self.delayed_ack

    def acknowledge(self, now: float) -> None:
        """An acknowledgement is due at once."""
        self.ack_at = now

    def read(self, most: int, *, now: float) -> bytes:
        """Hand over up to `most` bytes; an acknowledgement may become due, to tell of the room."""
        taken = []
        while most > 0 and self._ready:
            chunk = self._ready.popleft()
            if len(chunk) > most:
                self._ready.appendleft(chunk[most:])
                chunk = chunk[:most]
            taken.append(chunk)
            most -= len(chunk)
            self._unread -= len(chunk)
        data = b"".join(taken)
        known = self.open_window
        # Tell at once when the window was all but closed, or when half of it lies free again, unknown to the sender.
        if data and self._offer() >= max(2 * known, known + 1):
            self.acknowledge(now)
        return data

    def _offer(self) -> int:
        """The window that could be announced now; what it was, if the step is too small to be worth it."""
        room = min(self.capacity - self._unread, 0xFFFF << self.scale)
        known = self.open_window
        # RFC 9293 (3.8.6.2.2): move the edge only by a segment's worth, or half of the buffer.
        return room if room - known >= min(self.mss, self.capacity // 2) else known

    def announce(self) -> int:
        """The window to write into a segment that is about to go, in bytes; it holds from now on."""
        self._unacknowledged, self.ack_at = 0, None
        window = min(self._offer() >> self.scale, 0xFFFF) << self.scale
        self._edge = max(self._edge, self.wanted + window)
        return window

    def announce_unscaled(self) -> int:
        """The window of a SYN: never scaled (RFC 7323, 2.2)."""
        window = min(self.capacity - self._unread, 0xFFFF)
        self._edge = max(self._edge, self.wanted + window)
        self._unacknowledged, self.ack_at = 0, None
        return window

    def blocks(self) -> list[tuple[int, int]]:
        """What has come beyond a gap, for selective acknowledgements; the latest first."""
        return self.reassembler.blocks() if self.reassembler.has_gap else []
