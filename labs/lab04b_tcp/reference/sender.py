"""The sending half: what may go, what must go again, and when to ask.

One timer stands for the oldest segment under way (RFC 6298, 5); going off, it sends that one again, and only that one.
A second timer asks, while something waits for a window and nothing is under way, whether there is room yet.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

from segment import Segment

LONGEST_PAUSE = 60.0


@dataclass(slots=True)
class UnderWay:
    """A segment that was sent and is not acknowledged, when it was sent last, and how often."""

    segment: Segment
    sent_at: float
    tries: int = 1


class Sender:
    """Numbers are positions, sizes bytes, times seconds. `first` is the number of the first byte."""

    def __init__(self, *, first: int, mss: int, round_trip: Any, congestion: Any) -> None:
        self.unacknowledged = self.next = self.limit = first
        self.mss = mss
        self._round_trip = round_trip
        self._congestion = congestion
        self._unsent = bytearray()
        self._closed = self._fin_sent = False
        self._under_way: deque[UnderWay] = deque()
        self._again = False  # the oldest must go once more
        self._resend_at: float | None = None
        self._persist_at: float | None = None
        self._pause = 0.0
        self._asks = False

    # What the user does

    @property
    def unsent(self) -> int:
        """How many bytes have been written and not been sent."""
        return len(self._unsent)

    def write(self, data: bytes) -> None:
        """More to send."""
        self._unsent += data

    def close(self) -> None:
        """Nothing follows: a FIN ends the stream."""
        self._closed = True

    # What the other side says

    def acknowledge(self, number: int, window: int, *, bare: bool, now: float) -> None:
        """All before `number` has arrived, and there is room for `window` bytes from there; `bare`: it says no more."""
        if number > self.next:
            return  # nonsense: that was never sent
        if self.unacknowledged < number:
            self._advance(number, now=now)
        elif bare and self._under_way and (number, number + window) == (self.unacknowledged, self.limit):
            in_flight = self.next - self.unacknowledged
            self._again |= self._congestion.duplicate(in_flight=in_flight, following=self.next)
        if number + window > self.limit:
            self.limit, self._persist_at = number + window, None

    def _advance(self, number: int, *, now: float) -> None:
        count, self.unacknowledged = number - self.unacknowledged, number
        done = []
        while self._under_way and self._under_way[0].segment.end <= number:
            done.append(self._under_way.popleft())
        if done and all(each.tries == 1 for each in done):  # Karn: of what went twice nobody knows which one arrived
            self._round_trip.sample(now - done[-1].sent_at)
        self._again = self._congestion.acknowledged(number, count) and bool(self._under_way)
        self._resend_at = now + self._round_trip.timeout if self._under_way else None  # RFC 6298 (5.2, 5.3)

    # What goes

    def segments(self, *, now: float) -> list[Segment]:
        """Everything that must or may go now, in order; it counts as sent."""
        out = []
        if self._again and self._under_way:
            oldest = self._under_way[0]
            oldest.sent_at, oldest.tries = now, oldest.tries + 1
            out.append(oldest.segment)
        self._again = False
        while (segment := self._cut()) is not None:
            out.append(segment)
            self._under_way.append(UnderWay(segment, now))
            self.next = segment.end
        if self._under_way and self._resend_at is None:
            self._resend_at = now + self._round_trip.timeout  # RFC 6298 (5.1)
        return out + self._questions(now)

    def _cut(self) -> Segment | None:
        """The next segment of what was never sent; None when nothing may go."""
        allowed = min(self.limit, self.unacknowledged + self._congestion.window) - self.next
        size = max(0, min(len(self._unsent), self.mss, allowed))
        fin = self._closed and not self._fin_sent and size == len(self._unsent) and allowed > size
        worth = size == self.mss or size == len(self._unsent) or not self._under_way
        if not (fin or (size and worth)):
            return None
        payload = bytes(self._unsent[:size])
        del self._unsent[:size]
        self._fin_sent = self._fin_sent or fin
        return Segment(self.next, payload, fin)

    def _questions(self, now: float) -> list[Segment]:
        """The persist timer (RFC 9293, 3.8.6.1): it runs while only the other side's window could let us go on."""
        waits = bool(self._unsent) or (self._closed and not self._fin_sent)
        if self._under_way or not waits:
            self._persist_at, self._asks = None, False
        elif self._persist_at is None:
            self._pause = self._round_trip.timeout
            self._persist_at, self._asks = now + self._pause, False
        asks, self._asks = self._asks, False
        return [Segment(self.unacknowledged - 1)] if asks else []

    # What time does

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        return min((at for at in (self._resend_at, self._persist_at) if at is not None), default=None)

    def handle_timer(self, *, now: float) -> None:
        """Do what is due; what is to go then comes from `segments`."""
        if self._resend_at is not None and now >= self._resend_at:
            self._again = True
            self._congestion.timed_out(in_flight=self.next - self.unacknowledged, following=self.next)
            self._round_trip.back_off()  # RFC 6298 (5.5)
            self._resend_at = now + self._round_trip.timeout  # RFC 6298 (5.6)
        if self._persist_at is not None and now >= self._persist_at:
            self._asks = True
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            self._persist_at = now + self._pause
