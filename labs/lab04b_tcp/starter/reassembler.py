"""Puts bytes into order: pieces come late, twice, and overlapping; out comes the stream, each byte once.

So far what comes is handed over as it comes, and what is early is thrown away. The handout, step 3, says what to write.
"""


class Reassembler:
    """`wanted` is the position of the next byte in order; whoever made this may set it before anything has come."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted

    @property
    def has_gap(self) -> bool:
        """Whether something is here that could not be handed over yet."""
        return False

    def receive(self, start: int, data: bytes) -> bytes:
        """Take in `data`, which begins at `start`; return what is in order now, which may be nothing."""
        if start > self.wanted:
            return b""
        self.wanted = start + len(data)
        return data
