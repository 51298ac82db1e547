"""What is shown on a terminal: width, colour, progress, and text that somebody else wrote.

Everything here degrades: no colour with NO_COLOR or without a terminal, 80 columns when nobody knows, plain signs where
the encoding has no others. Whatever a student's program printed passes through `escape` before it is shown, for a
terminal obeys what it is sent: a control sequence can move the cursor over a verdict and repaint it.
"""

import os
import shutil
import sys
import time
import unicodedata
from typing import TextIO

_COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36, "bold": 1, "dim": 2}
_QUIET_SECONDS = 2.0  # work shorter than this shows no progress
_BETWEEN_LINES = 5.0  # seconds between two lines of progress where lines cannot be rewritten


def colourful(stream: TextIO | None = None) -> bool:
    """Whether `stream` (default: standard output) should get colours (https://no-color.org)."""
    stream = stream or sys.stdout
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def paint(text: str, *colours: str, stream: TextIO | None = None) -> str:
    """`text` in `colours` (names such as "red", "bold") where `stream` takes them, else as it was."""
    if not colours or not colourful(stream):
        return text
    codes = ";".join(str(_COLOURS[colour]) for colour in colours)
    return f"\x1b[{codes}m{text}\x1b[0m"


def width() -> int:
    """Columns of the terminal (COLUMNS wins); 80 when unknown."""
    return shutil.get_terminal_size((80, 24)).columns


def sign(preferred: str, plain: str, stream: TextIO | None = None) -> str:
    """`preferred` where the stream's encoding can say it, else `plain`."""
    try:
        preferred.encode((stream or sys.stdout).encoding or "ascii")
    except UnicodeEncodeError:
        return plain
    return preferred


def escape(text: str | bytes, *, limit: int | None = None) -> str:
    r"""Hostile bytes made safe to show: one line, no control, no invisible or reordering characters.

    Tabs become a space; newlines, controls, and characters of the Unicode categories "other" and "line separator"
    become `\n`, `\x1b`, `\u202e`; a backslash is doubled, so that nobody can write an escape that we did not make.
    `limit` cuts to so many characters and says so.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    cut = limit is not None and len(text) > limit
    shown = "".join(_shown(character) for character in text[:limit])
    return f"{shown}... ({len(text)} characters)" if cut else shown


def _shown(character: str) -> str:
    if character == "\t":
        return " "
    if character == "\\" or unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
        return character.encode("unicode_escape").decode("ascii")
    return character


class Progress:
    """Says how far a piece of work is, on standard error, once it has lasted two seconds.

    A terminal sees one line rewritten; a log file sees a line every five seconds.
    """

    def __init__(self, label: str, stream: TextIO | None = None) -> None:
        self._label = label
        self._stream = stream or sys.stderr
        self._began = time.monotonic()
        self._said: float | None = None

    def update(self, done: int, total: int | None = None) -> None:
        """Tell that `done` of `total` parts are behind us, or how many where nobody knows the total."""
        now = time.monotonic()
        rewrites = self._stream.isatty()
        due = self._began + _QUIET_SECONDS if self._said is None else self._said + (0.1 if rewrites else _BETWEEN_LINES)
        if now < due:
            return
        self._said = now
        parts = f"{done}" if total is None else f"{done} of {total}"
        line = f"{self._label}: {parts}, {now - self._began:.0f} s"
        self._stream.write(f"\r\x1b[K{line[: width() - 1]}" if rewrites else f"{line}\n")
        self._stream.flush()

    def close(self) -> None:
        """Take the line away again, if one stands on a terminal."""
        if self._said is not None and self._stream.isatty():
            self._stream.write("\r\x1b[K")
            self._stream.flush()
        self._said = None


_progress: dict[str, Progress] = {}


def progress(label: str, done: int, total: int) -> None:
    """Call this after each part of a long piece of work; the last call (`done` equal to `total`) clears the line."""
    shown = _progress.setdefault(label, Progress(label))
    if done >= total:
        _progress.pop(label).close()
    else:
        shown.update(done, total)
