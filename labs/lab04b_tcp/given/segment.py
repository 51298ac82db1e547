"""What a sender hands out: a piece of the stream that is to go now."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Segment:
    """`payload` begins at the number `start`; behind it, if `fin`, stands the end of the stream, which takes one more.

    One without either says nothing new: it goes out as a bare acknowledgement with the number `start`.
    """

    start: int
    payload: bytes = b""
    fin: bool = False

    @property
    def length(self) -> int:
        """How many numbers it takes."""
        return len(self.payload) + self.fin

    @property
    def end(self) -> int:
        """The number after its last."""
        return self.start + self.length
