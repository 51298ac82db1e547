"""`lab ledger`: where the networking lives, counted."""

import argparse
import json
from collections.abc import Collection, Sequence

from labs.cli.exit import PASSED, Refusal
from labs.cli.terminal import escape, paint, sign, width
from labs.course import CourseError, open_course
from labs.story.ledger import ASCII, UNICODE, LedgerError, Row, draw, open_ledger
from labs.workspace import home

SUMMARY = "lines of networking inside the application, and below it, lab by lab"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "--mine", action="store_true", help="count your own files instead of ours, in the labs you began"
    )
    parser.add_argument("--files", action="store_true", help="every file that is counted, too")
    parser.add_argument("--json", action="store_true", help="for programs; see docs/json.md")


def run(args: argparse.Namespace) -> int:
    """Print the curve and the table, or the same as JSON."""
    try:
        course = open_course()
        rows = open_ledger(course, home() if args.mine else None)
    except CourseError as error:
        raise Refusal(error.message, cure=error.cure) from None
    except LedgerError as error:
        raise Refusal(escape(str(error)), cure="mend it, and count again") from None
    if args.mine and not any(row.files for row in rows):
        raise Refusal(f"there is no lab of yours in {home()}", cure="./lab start 0 begins with one")
    here = [lab.number for lab in course.labs()]
    print(json.dumps(as_json(rows), indent=2) if args.json else in_words(rows, here, files=args.files))
    return PASSED


def as_json(rows: Sequence[Row]) -> list[dict[str, object]]:
    """The rows as docs/json.md describes them."""
    return [
        {
            "lab": row.number,
            "title": row.title,
            "inside": row.inside if row.files else None,
            "below": row.below if row.files else None,
            "zero": row.zero,
            "files": [{"file": each.file, "lines": each.lines, "inside": each.inside} for each in row.files],
        }
        for row in rows
    ]


def curve(rows: Sequence[Row], *, columns: int) -> list[str]:
    """The curve with the signs that the terminal has."""
    return draw(rows, signs=UNICODE if sign("█░─┼│", "") else ASCII, columns=columns)


def in_words(rows: Sequence[Row], here: Collection[str] = (), *, files: bool = False) -> str:
    """The curve and the table, for a terminal. The labs `here` are there: without files of yours they are not begun."""
    lines = [paint("Lines of networking: inside the application above, what carries it below", "bold"), ""]
    lines += [*curve(rows, columns=width()), ""]
    lines.append(paint(f"{'lab':<24}{'inside':>8}{'below':>8}", "bold"))
    for row in rows:
        missing = "not begun" if row.number in here else "to come"
        told = f"{row.inside:>8}{row.below:>8}" if row.files else f"{missing:>16}"
        lines.append(f"{row.number:<3} {row.title:<20}{told}")
        lines += [
            f"      {each.lines:>6}  {escape(each.file)}{'' if each.inside else ' (below)'}"
            for each in row.files
            if files
        ]
    return "\n".join([*lines, "", _about_zero(rows)])


def _about_zero(rows: Sequence[Row]) -> str:
    if rows and rows[0].zero:
        return f"Zero is where lab 0 stands, without any network: {rows[0].zero} lines besides the business."
    return "Lab 0, where zero would stand, is not begun: some lines that need no network are counted, too."
