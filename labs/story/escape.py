r"""Text that somebody else wrote, made safe for the place where it is shown.

A program's output, its error messages, its frames and its file names are chosen by whoever handed the program in, and
they are shown in terminals, in HTML, in the comments of a capture and in a spreadsheet of marks. Each of these obeys
some characters instead of showing them: a terminal can be told to repaint a verdict, a right-to-left override to swap
the ends of a line, a spreadsheet to fetch a web page (CWE-150, CVE-2021-42574, CWE-1236).

So everything first becomes `plain`: what is neither printed nor a space turns into a Python escape, `\x1b` or `\u202e`,
and a backslash is doubled, so that nobody can write an escape that we did not make. Left out: letters that look alike,
and piles of combining accents.
"""

import html as markup
import unicodedata

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # the last four are as wide as a Chinese character, and some programs fold them


def plain(text: str | bytes, *, lines: bool = False) -> str:
    r"""Return `text` with nothing in it that a display would obey: on one line, or with `lines`, on its own lines.

    Bytes are read as UTF-8, those that are none as `\xff`. A tab becomes a space.
    """
    return "".join("\n" if lines and character == "\n" else _shown(character) for character in _text(text))


def _text(text: str | bytes) -> str:
    return text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text


def _shown(character: str) -> str:
    if character == "\t":
        return " "
    if "\udc80" <= character <= "\udcff":  # a byte that is no text, as Python also reads it in a file's name
        return f"\\x{ord(character) - 0xDC00:02x}"
    if character == "\\" or unicodedata.category(character) in _INVISIBLE:
        return character.encode("unicode_escape").decode("ascii")
    return character


def html(text: str | bytes, *, lines: bool = False) -> str:
    """Return `text` for HTML, as an element's content or a quoted attribute's value."""
    return markup.escape(plain(text, lines=lines), quote=True)


def csv_cell(text: str | bytes) -> str:
    """Return `text` for one cell of a CSV file; a formula is disarmed by an apostrophe (OWASP, "CSV Injection").

    Separators and quotes are the `csv` module's business.
    """
    is_formula = _text(text).lstrip(" ").startswith(_FORMULA)
    return f"'{plain(text)}" if is_formula else plain(text)
