"""What programs print, taken in without blocking, and no more of it than anybody wants to read.

A program may print without end, in one line of gigabytes, or not at all; whoever watches it must neither wait for it
nor store what it sends. `drain` reads what is there now; `Tail` keeps the beginning (where the first error stands) and
the last lines (where the last one does), counts the rest, and calls when it has been too much.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

LIMIT = 1 << 20  # bytes that a program may print
FIRST = 2048  # bytes of the beginning that are kept
LINES = 32  # of the end
LONGEST_LINE = 2048  # bytes, on average over the last lines
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
    """The beginning and the end of a stream. `on_excess` is called once, when more than `limit` bytes have come."""

    on_excess: Callable[[], None] = lambda: None
    limit: int = LIMIT
    total: int = 0
    """How many bytes have come."""
    _first: bytes = b""
    _last: bytearray = field(default_factory=bytearray)

    @property
    def exceeded(self) -> bool:
        """Whether more came than was allowed."""
        return self.total > self.limit

    def feed(self, data: bytes) -> None:
        """Take in the next bytes of the stream."""
        had_exceeded = self.exceeded
        self.total += len(data)
        self._first += data[: FIRST - len(self._first)]
        self._last += data
        del self._last[: -LINES * LONGEST_LINE]
        if self.exceeded and not had_exceeded:
            self.on_excess()

    @property
    def text(self) -> str:
        """What was written: all of it, or its beginning and its last lines, and how much is left out between them.

        Not escaped: whoever shows it does that, with `labs.story.escape.plain(text, lines=True)`.
        """
        last = b"".join(bytes(self._last).splitlines(keepends=True)[-LINES:])
        before = self.total - len(last)
        left_out = before - len(self._first)
        note = f"\n({left_out:,} bytes left out)\n".encode() if left_out > 0 else b""
        return (self._first[:before] + note + last).decode("utf-8", "backslashreplace")
