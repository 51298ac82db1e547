"""The ledger: how much networking stands inside the application, lab by lab, and how much carries it from below.

The one number that the course is about. The application is *teams* and *players*; its business is in `business.py`,
the same in every lab. What else the application holds is counted here, in logical lines of source: a statement is one
line however it is broken up, and blank lines, comments and docstrings are none. Lab 0 has no network, so what its
application holds besides the business is the ledger's zero, and counted nowhere as networking.

A lab says in its `lab.toml` which files are the application's (`application`) and which lie below it (`below`): names
of files that a student hands in (our reference is counted, or with `--mine` the student's own), names of files in
`given/` or `starter/`, or paths from the root of the project, such as `netstack/wire.py`.
"""

import ast
import io
import math
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from labs.course import CHECKOUT, Course, Lab

BUSINESS = "business.py"
MOST_BYTES = 1 << 20


class LedgerError(Exception):
    """A file that cannot be counted; the text names it and says why."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A file and its logical lines. `inside` tells whether it is part of the application."""

    file: str
    lines: int
    inside: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A lab's line in the ledger. `files` is empty for one that is still to come."""

    number: str
    title: str
    files: tuple[Counted, ...] = ()
    zero: int = 0

    @property
    def inside(self) -> int:
        """Lines of networking inside the application: all that it holds, less what it holds without a network."""
        return max(0, self.application - self.zero)

    @property
    def application(self) -> int:
        """Lines of the application besides its business."""
        return sum(each.lines for each in self.files if each.inside)

    @property
    def below(self) -> int:
        """Lines of what carries the application's messages, outside of it."""
        return sum(each.lines for each in self.files if not each.inside)


def logical_lines(source: str) -> int:
    """Count the logical lines of Python source, docstrings left out; raises `SyntaxError`."""
    tree = ast.parse(source)
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except tokenize.TokenError as error:
        raise SyntaxError(str(error)) from None
    written = sum(token.type == tokenize.NEWLINE for token in tokens)
    return written - sum(_has_docstring(node) for node in ast.walk(tree))


def _has_docstring(node: ast.AST) -> bool:
    described = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return isinstance(node, described) and ast.get_docstring(node, clean=False) is not None


def open_ledger(course: Course, mine: Path | None = None) -> list[Row]:
    """The rows of all labs of the course, those to come too. Raises `LedgerError`.

    `mine` is the folder that holds a student's folders: their files are counted instead of ours, in those labs where
    they have begun, and the other labs have no files.
    """
    present = {lab.number: lab for lab in course.labs()}
    if mine is None and not all(lab.has_reference for lab in present.values()):
        raise LedgerError("our answers are not in this edition of the course: `lab ledger --mine` counts yours")
    first = next(iter(present.values()), None)
    zero = 0 if first is None else _zero(first, mine)
    return [
        Row(
            number=entry.number,
            title=entry.title,
            files=() if (lab := present.get(entry.number)) is None else tuple(counted(lab, mine)),
            zero=zero,
        )
        for entry in course.entries
    ]


def _zero(lab: Lab, mine: Path | None) -> int:
    files = counted(lab, None if lab.has_reference else mine)
    return sum(each.lines for each in files if each.inside)


def counted(lab: Lab, mine: Path | None = None) -> Iterator[Counted]:
    """The files of `lab` and their lines; nothing where `mine` has not begun it. Raises `LedgerError`."""
    folder = None if mine is None else mine / lab.folder.name.partition("_")[0]
    if folder is not None and not folder.is_dir():
        return
    for names, inside in ((lab.application, True), (lab.below, False)):
        for name in _without_business(names):
            yield Counted(name, _count(_find(lab, name, folder)), inside)


def _without_business(names: Iterable[str]) -> Iterator[str]:
    return (name for name in names if Path(name).name != BUSINESS)


def _find(lab: Lab, name: str, folder: Path | None) -> Path:
    """The file that `name` in a lab.toml stands for; see the top of this module for the order."""
    own = () if folder is None or name not in {*lab.deliverables, *lab.reference} else (folder / name,)
    ours = (CHECKOUT / lab.reference[name],) if name in lab.reference else ()
    places = (*own, *ours, lab.folder / "given" / name, lab.folder / "starter" / name, CHECKOUT / name)
    for place in places:
        if place.is_file():
            return place
    raise LedgerError(f"{lab.folder / 'lab.toml'} counts {name}, and there is no such file")


def _count(path: Path) -> int:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES)
        return logical_lines(data.decode("utf-8"))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise LedgerError(f"{path.name} cannot be counted: {error}") from None


# The picture ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Signs:
    """What the curve is drawn with. `steps` fill a cell from a little to all of it."""

    steps: str
    below: str
    edge: str
    corner: str
    wall: str


UNICODE = Signs(steps="▁▂▃▄▅▆▇█", below="░", edge="─", corner="┼", wall="│")
ASCII = Signs(steps="#", below=":", edge="-", corner="+", wall="|")

MARGIN = 8  # characters for the scale
COLUMN = 5  # characters for a lab
HEIGHT, DEPTH = 8, 4  # lines above and below the edge


def draw(rows: Sequence[Row], *, signs: Signs = UNICODE, columns: int = 80) -> list[str]:
    """The curve: above the edge what stands in the application, below it what carries it, each on its own scale."""
    shown = rows[: max(1, (columns - MARGIN) // COLUMN)]
    inside, below = [row.inside for row in shown], [row.below for row in shown]
    return [
        *(_line(inside, level, HEIGHT, signs.steps, signs.wall) for level in reversed(range(HEIGHT))),
        f"{'0 ':>{MARGIN - 1}}{signs.corner}"
        + "".join(f"{signs.edge * 2}{row.number:{signs.edge}<3}" for row in shown),
        *(_line(below, level, DEPTH, signs.below, signs.wall) for level in range(DEPTH)),
    ]


def _line(values: Sequence[int], level: int, levels: int, steps: str, wall: str) -> str:
    """One line of the picture, `level` lines away from the edge; the last one carries the scale."""
    most = max(values, default=0) or 1
    scale = f"{most} " if level == levels - 1 and any(values) else ""
    cells = (_cell(value * levels / most - level, steps) for value in values)
    return f"{scale:>{MARGIN - 1}}{wall}{''.join(f'  {cell * 2} ' for cell in cells)}".rstrip()


def _cell(fill: float, steps: str) -> str:
    """A cell filled to the part `fill`: nothing at 0, a little above that, all of it from 1 on."""
    return " " if fill <= 0 else steps[min(len(steps), math.ceil(fill * len(steps))) - 1]
