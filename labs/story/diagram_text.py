"""A space-time diagram in a terminal: the same picture as `diagram_svg`, in 80 columns, in Unicode or in pure ASCII.

A row of text holds one moment, so a frame that arrives before anything else happens is one straight arrow. One that is
overtaken by other moments leaves to a column of its own, falls there, and arrives further down:

       0 ├─data 1──────────╮           │
    2 ms ├─data 2─────────╮│           │
    5 ms │                │╰──────────▶┤
         │                ╰───────────▶┤

Its fate is told by the line it is drawn with and by a word at its label, never by colour alone; there is no colour.
"""

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from labs.story.diagram import Arrow, Diagram, Fare, Mark, in_words

GUTTER = 12  # columns for the times
LEAST = 10  # columns from lane to lane, below which a picture says nothing
MOST = 60  # arrows and marks shown, unless asked otherwise

_UNICODE = {"lane": "│", "whole": "─", "lost": "─", "damaged": "≈", "doubled": "═", "held": "┄", "under way": "─"} | {
    "right": "▶", "left": "◀", "cross": "✕", "fall": "│", "pause": "⋮", "send": "●", "down": "╮╭", "on": "╰╯"
} | {"offered": "▷", "taken": "►", "delivered": "◁", "consumed": "◄", "note": "◆", "end": "■"}  # fmt: skip
_ASCII = {"lane": "|", "whole": "-", "lost": "-", "damaged": "~", "doubled": "=", "held": ".", "under way": "-"} | {
    "right": ">", "left": "<", "cross": "x", "fall": "|", "pause": ":", "send": "o", "down": "..", "on": "''"
} | {"offered": "}", "taken": "}", "delivered": "{", "consumed": "{", "note": "*", "end": "#"}  # fmt: skip


def text(
    diagram: Diagram, *, width: int = 80, ascii_only: bool = False, most: int = MOST, around: int | None = None
) -> str:
    """`diagram` as lines of at most `width` columns.

    No more than `most` arrows and marks are shown: those around frame number `around`, or the first ones. Where there
    are too many hosts for `width`, the frames are listed instead.
    """
    hosts = len(diagram.hosts)
    if hosts > 1 and (width - GUTTER - 4) // (hosts - 1) < LEAST:
        lines = list(_listed(diagram, width, most, around))
    else:
        lines = _Canvas(diagram, width, _ASCII if ascii_only else _UNICODE).lines(*_shown(diagram, most, around))
    told = "\n".join(line.rstrip() for line in lines)
    return told.translate(_TO_ASCII).encode("ascii", "replace").decode() if ascii_only else told


_TO_ASCII = str.maketrans({"µ": "u", "…": "~", "×": "x"})


def _shown(diagram: Diagram, most: int, around: int | None) -> tuple[int, int]:
    """The first and last moment to show, so that at most `most` arrows and marks begin between them."""
    begins = sorted([arrow.sent for arrow in diagram.arrows] + [mark.moment for mark in diagram.marks])
    if len(begins) <= most:
        return 0, len(diagram.moments)
    middle = 0
    if around is not None:
        middle = begins.index(next(arrow.sent for arrow in diagram.arrows if arrow.number == around))
    first = max(0, min(middle - most // 2, len(begins) - most))
    after = first + most
    return (0 if first == 0 else begins[first]), (begins[after] if after < len(begins) else len(diagram.moments))


def _listed(diagram: Diagram, width: int, most: int, around: int | None) -> Iterator[str]:
    first, after = _shown(diagram, most, around)
    for arrow in diagram.arrows:
        if first <= arrow.sent < after:
            at = in_words(diagram.moments[arrow.sent].at)
            yield f"{at:>{GUTTER - 2}}  {arrow.frame.direction:<12} {arrow.label}"[:width]


@dataclass(slots=True)
class _Row:
    """One line: a character per column, and what a fall may not cross out."""

    cells: list[str]
    time: str = ""


@dataclass(slots=True)
class _Fall:
    """A frame on its way down in a column of its own, since the row in which it was sent."""

    column: int
    since: int
    until: int = -1


@dataclass(slots=True)
class _Canvas:
    diagram: Diagram
    width: int
    signs: dict[str, str]
    rows: list[_Row] = field(default_factory=list)
    row_of: dict[int, int] = field(default_factory=dict)

    # Rows first ----------------------------------------------------------------------------------------------------

    def lines(self, first: int, after: int) -> list[str]:
        """Draw the moments from `first` to before `after`."""
        arrows = [arrow for arrow in self.diagram.arrows if first <= arrow.sent < after]
        marks = [mark for mark in self.diagram.marks if first <= mark.moment < after]
        self._lay_rows(first, after, arrows)
        for arrow, column in self._columns(arrows):
            self._draw_arrow(arrow, column)
        for mark in marks:
            self._draw_mark(mark)
        drawn = [f"{row.time:>{GUTTER - 2}}  {''.join(row.cells)}" for row in self.rows]
        return [
            self._heads(),
            *self._left_out(first, "before"),
            *drawn,
            *self._left_out(after, "after"),
            self._end(after),
        ]

    def _lay_rows(self, first: int, after: int, arrows: list[Arrow]) -> None:
        """Give each moment its row: a new one, or that of the send when a frame arrives before all else."""
        sent_by = {moment: arrow.sent for arrow in arrows for moment in arrow.arrives}
        pauses = {pause.bottom: pause for pause in self.diagram.pauses}
        shown_time = None
        for index in range(first, after):
            moment = self.diagram.moments[index]
            sent = sent_by.get(index)
            if sent is None and index in self._arrivals():
                continue  # of a frame that was sent before what is shown
            if pause := pauses.get(moment.y):
                self._blank(f"+{in_words(pause.time)}", pausing=True)
            if sent is not None and sent == index - 1:
                self.row_of[index] = self.row_of[sent]
                continue
            self._blank(in_words(moment.at) if moment.at != shown_time else "")
            shown_time = moment.at
            self.row_of[index] = len(self.rows) - 1

    def _arrivals(self) -> set[int]:
        return {moment for arrow in self.diagram.arrows for moment in arrow.arrives}

    def _blank(self, time: str, *, pausing: bool = False) -> None:
        cells = [" "] * (self.width - GUTTER)
        for lane in range(len(self.diagram.hosts)):
            cells[self._x(lane)] = self.signs["pause" if pausing else "lane"]
        self.rows.append(_Row(cells, time))

    def _x(self, lane: int) -> int:
        """The column of a lane, on the canvas to the right of the gutter."""
        hosts = len(self.diagram.hosts)
        return 1 if hosts == 1 else 1 + lane * (self.width - GUTTER - 4) // (hosts - 1)

    # Then frames ------------------------------------------------------------------------------------------------------

    def _columns(self, arrows: list[Arrow]) -> Iterator[tuple[Arrow, int]]:
        """Each arrow with the column in which it falls: one that is free while it does, near its receiver.

        Of frames in a row the later falls nearer to its sender, so that frames of one direction never cross.
        """
        falls: list[_Fall] = []
        for arrow in arrows:
            top = self.row_of[arrow.sent]
            bottom = max((self.row_of[moment] for moment in arrow.arrives if moment in self.row_of), default=top)
            x0, x1 = (self._x(lane) for lane in arrow.lanes)
            step = 1 if x1 < x0 else -1
            last = x0 - step * (len(arrow.label) + 4)
            taken = {fall.column for fall in falls if fall.since <= bottom and fall.until >= top}
            free = [column for column in range(x1 + 3 * step, last, step) if column not in taken]
            nearer = [fall.column for fall in falls if fall.until >= top and (fall.column - x1) * step > 0]
            bound = max((abs(column - x1) for column in nearer), default=0)
            column = next((column for column in free if abs(column - x1) > bound), free[0] if free else x1 + 3 * step)
            if bottom > top:
                falls.append(_Fall(column, top, bottom))
            yield arrow, column

    def _draw_arrow(self, arrow: Arrow, column: int) -> None:
        x0, x1 = (self._x(lane) for lane in arrow.lanes)
        way: Literal[1, -1] = 1 if x1 > x0 else -1
        top = self.row_of[arrow.sent]
        stroke = self.signs[_stroke(arrow)]
        bottoms = [self.row_of[moment] for moment in arrow.arrives if moment in self.row_of]
        self.rows[top].cells[x0] = self.signs["send"]
        if not bottoms:
            self._level(top, x0 + way, x0 + (x1 - x0) * 2 // 3, way, stroke)
            if arrow.frame.lost:
                self.rows[top].cells[x0 + (x1 - x0) * 2 // 3] = self.signs["cross"]
        for bottom in bottoms:
            if bottom == top:
                self._level(top, x0 + way, x1 - way, way, stroke)
            else:
                self._fall(top, bottom, x0 + way, column, x1 - way, way, stroke)
            self.rows[bottom].cells[x1 - way] = self.signs["right" if way == 1 else "left"]
        self._write(top, x0 + 2 * way, arrow.label, way)

    def _level(self, row: int, begin: int, end: int, way: int, stroke: str) -> None:
        for column in range(begin, end + way, way):
            self.rows[row].cells[column] = stroke

    def _fall(self, top: int, bottom: int, begin: int, column: int, end: int, way: int, stroke: str) -> None:
        self._level(top, begin, column, way, stroke)
        self.rows[top].cells[column] = self.signs["down"][0 if way == 1 else 1]
        for row in range(top + 1, bottom):
            if self.rows[row].cells[column] == " ":
                self.rows[row].cells[column] = self.signs["fall"]
        self._level(bottom, column, end, way, stroke)
        self.rows[bottom].cells[column] = self.signs["on"][0 if way == 1 else 1]

    # Then words -------------------------------------------------------------------------------------------------------

    def _draw_mark(self, mark: Mark) -> None:
        """The sign on the lane, its words towards the middle of the picture."""
        row, x = self.row_of[mark.moment], self._x(mark.lane)
        self.rows[row].cells[x] = self.signs[mark.shape]
        way: Literal[1, -1] = -1 if mark.lane and mark.lane == len(self.diagram.hosts) - 1 else 1
        self._write(row, x + 2 * way, mark.text, way)

    def _write(self, row: int, x: int, words: str, way: int) -> None:
        """Write `words` from column `x` on; with `way` -1, so that they end there."""
        cells = self.rows[row].cells
        column = x if way == 1 else x - sum(map(_columns, words)) + 1
        for character in words:
            wide = _columns(character)
            if column >= 0 and column + wide <= len(cells):
                cells[column : column + wide] = [character, ""][:wide]
            column += wide

    def _heads(self) -> str:
        cells = [" "] * (self.width - GUTTER)
        hosts = self.diagram.hosts
        for lane, host in enumerate(hosts):
            begin = min(max(0, self._x(lane) - len(host) // 2), len(cells) - len(host))
            cells[max(0, begin) : max(0, begin) + len(host)] = host[: len(cells)]
        return f"{'time':>{GUTTER - 2}}  {''.join(cells)}"

    def _left_out(self, moment: int, where: Literal["before", "after"]) -> list[str]:
        begins = [arrow.sent for arrow in self.diagram.arrows]
        before: Callable[[int], bool] = (
            (lambda sent: sent < moment) if where == "before" else (lambda sent: sent >= moment)
        )
        count = sum(map(before, begins))
        return [f"{'':{GUTTER}}({count} frames {where}; the report shows them)"] if count else []

    def _end(self, after: int) -> str:
        if after < len(self.diagram.moments) or not self.diagram.ended:
            return ""
        return f"{'':{GUTTER}}the end: {self.diagram.ended}"[: self.width]


def _columns(character: str) -> int:
    """How many columns a terminal gives `character`: two for many of East Asia's. Combining marks are left out."""
    return 0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _stroke(arrow: Arrow) -> Fare | Literal["whole"]:
    return arrow.fares[0] if arrow.fares else "whole"
