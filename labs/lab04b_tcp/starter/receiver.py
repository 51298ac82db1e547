"""The receiving half: what has come, how much more may come, and when to say so.

So far the window is always as wide as the buffer, however full that is, and every segment is acknowledged at once. The
handout, steps 4 and 5, says what to write.
"""

WIDEST = 0xFFFF  # what the field in a header can say


class Receiver:
    """Numbers are positions, sizes bytes, times seconds. `reassembler` is one as in step 3."""

    def __init__(self, *, reassembler, capacity: int, mss: int, delay: float) -> None:
        self.reassembler = reassembler
        self.capacity = capacity
        self.mss = mss
        self.delay = delay
        self.ended = False  # the other side's FIN has come, and all before it
        self.ack_at: float | None = None  # when an acknowledgement must have gone, at the latest

    @property
    def wanted(self) -> int:
        """The number that an acknowledgement carries: the next one wanted, behind the FIN if that has come."""
        return self.reassembler.wanted + self.ended

    def receive(self, start: int, payload: bytes, fin: bool, *, now: float) -> bytes:
        """Take in a segment's bytes, as many as lie inside the window, and its FIN; return what is in order now."""
        ready = self.reassembler.receive(start, payload)
        self.ended = fin
        self.ack_at = now
        return ready

    def read(self, count: int, *, now: float) -> None:
        """The user has read `count` bytes."""

    def acknowledge(self, *, now: float) -> None:
        """Something came that must be answered at once."""
        self.ack_at = now

    def announce(self, scale: int) -> int:
        """Return the window field of a segment that leaves now, in units of 2**scale bytes; it carries `wanted` too."""
        self.ack_at = None
        return min(self.capacity >> scale, WIDEST)
