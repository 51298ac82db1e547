"""What programs print, taken in without blocking, and no more of it than anybody wants to read.

A program may print without end, in one line of gigabytes, or not at all; whoever watches it must neither wait for it
nor store what it sends. `drain` reads what is there now; `Tail` keeps the last lines, counts the rest, and calls when
it has been too much.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

LIMIT = 1 << 20  # bytes that a program may print
LINES = 32
LONGEST_LINE = 2048  # bytes kept, on average over the last lines
_CHUNK = 1 << 16


def drain(descriptor: int) -> bytes | None:
    """Return at most 64 KiB of what can be read now: b"" when there is nothing yet, None when the stream has ended.

    The descriptor is made non-blocking. One call never reads more, so an endless writer gets its turn and no other.
    """
    os.set_blocking(descriptor, False)
    try:
        return os.read(descriptor, _CHUNK) or None
    except BlockingIOError:
        return b""


@dataclass(slots=True)
class Tail:
    """The last lines of a stream. `on_excess` is called once, when more than `limit` bytes have come."""

    on_excess: Callable[[], None] = lambda: None
    limit: int = LIMIT
    total: int = 0
    """How many bytes have come."""
    _kept: bytearray = field(default_factory=bytearray)

    @property
    def exceeded(self) -> bool:
        """Whether more came than was allowed."""
        return self.total > self.limit

    def feed(self, data: bytes) -> None:
        """Take in the next bytes of the stream."""
        had_exceeded = self.exceeded
        self.total += len(data)
        self._kept += data
        del self._kept[: -LINES * LONGEST_LINE]
        if self.exceeded and not had_exceeded:
            self.on_excess()

    @property
    def text(self) -> str:
        """The last lines, as they were written, under a line that says how many bytes came before them.

        Not escaped: whoever shows it does that, with `labs.story.escape.plain(text, lines=True)`.
        """
        last = b"".join(bytes(self._kept).splitlines(keepends=True)[-LINES:])
        before = self.total - len(last)
        note = f"({before:,} bytes before this)\n" if before else ""
        return note + last.decode("utf-8", "backslashreplace")
