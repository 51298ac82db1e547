"""How long to wait for an acknowledgement before sending again.

So far always the same. The handout, step 6, says what to write.
"""


class RoundTrip:
    """Estimates the round-trip time, and the timeout that follows from it. All times are seconds."""

    def __init__(self, *, least: float = 0.2, most: float = 120.0, first: float = 1.0) -> None:
        self.timeout = first  # how long to wait now

    def sample(self, seconds: float) -> None:
        """Take in a measurement; it ends any back-off."""

    def back_off(self) -> None:
        """The timer went off: wait twice as long next time, but never longer than `most`."""
