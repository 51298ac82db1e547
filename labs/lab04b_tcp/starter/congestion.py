"""Congestion control: how much the *path* can take, learned from what it loses.

So far the window stays as it was in the beginning. The handout, steps 12 and 13, says what to write.
"""


class Congestion:
    """`window` is what may be under way. Sizes are bytes, numbers positions."""

    def __init__(self, mss: int, initial: int) -> None:
        self.window = initial

    def acknowledged(self, number: int, count: int) -> bool:
        """`count` bytes, all before `number`, have newly arrived. Return whether the oldest must go again at once."""
        return False

    def duplicate(self, *, in_flight: int, following: int) -> bool:
        """A duplicate has come. `in_flight` bytes are under way; `following` is the next new number.

        Return whether the oldest must go again at once.
        """
        return False

    def timed_out(self, *, in_flight: int, following: int) -> None:
        """The retransmission timer has gone off."""
