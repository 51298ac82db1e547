"""Text broken into rows that a terminal of eighty columns holds, and made safe to show.

Rows end between words and never at a hyphen: a command is there to be copied, and so are its options.
"""

import textwrap

from labs.story.escape import plain

WIDTH = 72  # columns, before the indentation
MOST = 14  # rows of a long text: its last ones tell most


def last_rows(text: str) -> str:
    """The last rows of a text, each line of it broken up where it is too long."""
    lines = text.splitlines()
    rows = [row for line in lines for row in (broken_up(line) if len(line) > WIDTH + 6 else [line])]
    cut = len(rows) - MOST
    return "\n".join([f"... {cut} lines before", *rows[-MOST:]] if cut > 0 else rows)


def broken_up(line: str) -> list[str]:
    """One line in rows, the further ones indented a little more."""
    margin = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(line, WIDTH, subsequent_indent=margin, break_on_hyphens=False)


def safe(text: str) -> str:
    """Text with nothing in it that a terminal obeys. Backslashes stay single: most stand in bytes that we wrote out."""
    return plain(text, lines=True).replace("\\\\", "\\")


def wrapped(text: str) -> str:
    """A paragraph."""
    return _filled(text, "", "  ")


def hanging(label: str, text: str) -> str:
    """`text` beside a label, its further lines under its first."""
    return _filled(text, label, " " * len(label))


def _filled(text: str, first: str, further: str) -> str:
    return textwrap.fill(
        safe(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )


def row(label: str, text: str) -> str:
    """`text` beside a label, cut to one row."""
    return label + textwrap.shorten(safe(text), WIDTH - len(label), placeholder=" …", break_on_hyphens=False)


def hanging_rows(label: str, text: str) -> str:
    """Several rows beside a label, each broken up where it is too long."""
    first, *more = [row for line in safe(text).splitlines() for row in broken_up(line)] or [""]
    return "\n".join([f"{label}{first}", *(f"{'':<{len(label)}}{row}" for row in more)])


def indented(text: str) -> str:
    """Rows, each four columns to the right."""
    return textwrap.indent(text, "    ")
