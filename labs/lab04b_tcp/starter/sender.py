"""The sending half: what may go, what must go again, and when to ask.

So far it sends everything at once, and hopes. The handout, steps 7 to 10, says what to write.
"""

from segment import Segment


class Sender:
    """Numbers are positions, sizes bytes, times seconds. `first` is the number of the first byte."""

    def __init__(self, *, first: int, mss: int, round_trip, congestion) -> None:
        self.unacknowledged = first  # the oldest number that is not acknowledged
        self.next = first  # the next new number
        self.mss = mss
        self.unwritten = bytearray()

    @property
    def unsent(self) -> int:
        """How many bytes have been written and not been sent."""
        return len(self.unwritten)

    def write(self, data: bytes) -> None:
        """More to send."""
        self.unwritten += data

    def close(self) -> None:
        """Nothing follows: a FIN ends the stream."""

    def acknowledge(self, number: int, window: int, *, bare: bool, now: float) -> None:
        """All before `number` has arrived, and there is room for `window` bytes from there on.

        `bare`: the segment that says so carries nothing else.
        """
        self.unacknowledged = number

    def segments(self, *, now: float) -> list[Segment]:
        """Return everything that must or may go now, in order. It counts as sent."""
        out = []
        while self.unwritten:
            payload = bytes(self.unwritten[: self.mss])
            del self.unwritten[: self.mss]
            out.append(Segment(self.next, payload))
            self.next += len(payload)
        return out

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called; None for never."""
        return None

    def handle_timer(self, *, now: float) -> None:
        """Do what is due; what is to go then comes from `segments`."""
