"""The receiving half: what has come, how much more may come, and when to say so.

The window's right edge never moves back, and it moves on only by steps worth a segment (the *silly window*, RFC 9293,
3.8.6.2.2). An acknowledgement is held back a little (RFC 1122, 4.2.3.2), unless the sender needs it at once.
"""

from typing import Any

WIDEST = 0xFFFF


class Receiver:
    """Numbers are positions, sizes bytes, times seconds. `reassembler` is one as in step 3."""

    def __init__(self, *, reassembler: Any, capacity: int, mss: int, delay: float) -> None:
        self.capacity = capacity
        self.mss = mss
        self.delay = delay
        self.ended = False
        self.ack_at: float | None = None
        self._reassembler = reassembler
        self._fin: int | None = None  # the number of the other side's FIN
        self._unread = 0
        self._edge = reassembler.wanted + min(capacity, WIDEST)  # as our SYN has said
        self._unacknowledged = 0

    @property
    def wanted(self) -> int:
        """RCV.NXT: the number that an acknowledgement carries."""
        return self._reassembler.wanted + self.ended

    # What comes

    def receive(self, start: int, payload: bytes, fin: bool, *, now: float) -> bytes:
        """Take in a segment's bytes, as many as lie inside the window, and its FIN; return what is in order now."""
        beyond = start + len(payload) - max(self._edge, self.wanted)
        if beyond > 0:
            payload, fin = payload[: max(0, len(payload) - beyond)], False
        before, had_gap = self._reassembler.wanted, self._reassembler.has_gap
        ready = self._reassembler.receive(start, payload)
        self._unread += len(ready)
        if fin:
            self._fin = start + len(payload)
        ends = not self.ended and self._fin == self._reassembler.wanted
        self.ended = self.ended or ends
        in_order = self._reassembler.wanted - before == len(payload) and not had_gap and beyond <= 0
        self._decide(len(ready), at_once=ends or not in_order, now=now)
        return ready

    def read(self, count: int, *, now: float) -> None:
        """The user has read `count` bytes."""
        self._unread -= count
        known = max(0, self._edge - self.wanted)
        if self._worth_offering() >= max(2 * known, known + 1):
            self.ack_at = now

    # When to say so

    def _decide(self, count: int, *, at_once: bool, now: float) -> None:
        self._unacknowledged += count
        if at_once or self._unacknowledged >= 2 * self.mss:
            self.ack_at = now
        elif self.ack_at is None and count:
            self.ack_at = now + self.delay

    def acknowledge(self, *, now: float) -> None:
        """Something came that must be answered at once."""
        self.ack_at = now

    # What to say

    def announce(self, scale: int) -> int:
        """The window field of a segment that leaves now, in units of 2**scale bytes; it carries `wanted` too."""
        self.ack_at, self._unacknowledged = None, 0
        units = min(-(-self._worth_offering() >> scale), WIDEST)  # rounded up: the edge must not move back
        self._edge = self.wanted + (units << scale)
        return units

    def _worth_offering(self) -> int:
        """The window that there is room for; the old one, if that would be too small a step."""
        room, known = self.capacity - self._unread, max(0, self._edge - self.wanted)
        return room if room - known >= min(self.mss, self.capacity // 2) else known
