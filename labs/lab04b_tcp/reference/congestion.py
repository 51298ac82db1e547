"""Congestion control: how much the *path* can take, learned from what it loses (RFC 5681, and RFC 6582: NewReno).

The window begins small and doubles each round trip (*slow start*) until it reaches the threshold; from there it grows
by a segment each round trip. Three duplicates in a row say that the oldest segment was lost while others arrived: then
it goes again at once, and the window is halved, once for all that was under way (*fast recovery*). A timeout says that
nothing arrives any more, and everything begins anew.
"""

UNKNOWN = 1 << 40
DUPLICATES = 3


class Congestion:
    """`window` is what may be under way. Sizes are bytes, numbers positions."""

    def __init__(self, mss: int, initial: int) -> None:
        self.mss = mss
        self.window = initial
        self.threshold = UNKNOWN
        self._towards_next = 0
        self._duplicates = 0
        self._recover: int | None = None  # an episode lasts until all before this number has arrived
        self._is_fast = False

    def acknowledged(self, number: int, count: int) -> bool:
        """`count` bytes, all before `number`, have newly arrived. Return whether the oldest must go again at once."""
        self._duplicates = 0
        if self._recover is None or not self._is_fast:
            self._grow(count)
        if self._recover is None:
            return False
        if number >= self._recover:
            if self._is_fast:
                self.window = self.threshold  # RFC 6582 (3.2, step 3): a full acknowledgement
            self._recover = None
            return False
        if self._is_fast:
            self.window = max(self.window - count, 0) + self.mss  # RFC 6582: a partial one; it makes room for one
        return True

    def _grow(self, count: int) -> None:
        if self.window < self.threshold:
            self.window += min(count, self.mss)  # RFC 5681, equation 2
            return
        self._towards_next += count
        if self._towards_next >= self.window:
            self._towards_next -= self.window
            self.window += self.mss

    def duplicate(self, *, in_flight: int, following: int) -> bool:
        """A duplicate has come; `following` is the next new number. Return whether the oldest must go at once."""
        self._duplicates += 1
        if self._recover is not None:
            if self._is_fast:
                self.window += self.mss  # it shows that one more has left the network
            return False
        if self._duplicates < DUPLICATES:
            return False
        self.threshold = max(in_flight // 2, 2 * self.mss)  # RFC 5681, equation 4
        self.window, self._towards_next = self.threshold + DUPLICATES * self.mss, 0
        self._recover, self._is_fast = following, True
        return True

    def timed_out(self, *, in_flight: int, following: int) -> None:
        """The retransmission timer has gone off."""
        if self._recover is None or self._is_fast:  # RFC 5681 (3.1): not when the same goes again and again
            self.threshold = max(in_flight // 2, 2 * self.mss)
        self.window, self._towards_next, self._duplicates = self.mss, 0, 0
        self._recover, self._is_fast = following, False
