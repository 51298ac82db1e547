"""Neighbours: who on this wire has that name, and at which address.

So far nobody knows anybody, and everything is shouted to all. The handout, step 4, says what to write.
"""

BROADCAST = b"\xff" * 6

LIFETIME = 30.0  # seconds for which an address is believed
QUERY_EVERY = 0.5  # seconds between two questions of one search
QUERIES = 3  # questions in one search


class Neighbours:
    """What the station called `name` knows of the others. Times are seconds on the caller's clock."""

    def __init__(self, name: str) -> None:
        self.name = name

    def address_of(self, name: str, *, now: float) -> bytes | None:
        """Return the address of `name`, if it was learnt less than `LIFETIME` ago; else None."""
        return BROADCAST

    def search(self, name: str, *, now: float) -> None:
        """Begin to look for `name`, unless that is under way; the first question is due at once."""

    def searching(self, name: str) -> bool:
        """Whether a search for `name` is under way; it ends with an answer, or is given up."""
        return False

    def receive(self, source: bytes, message: bytes, *, now: float) -> bytes | None:
        """Take in a message from the address `source`; return the answer to send there, or None."""
        return None

    def next_timer(self) -> float | None:
        """When `handle_timer` next has something to do; None for never."""
        return None

    def handle_timer(self, *, now: float) -> list[bytes]:
        """Return the questions that are due, to be sent to everybody; give up searches that asked often enough."""
        return []
