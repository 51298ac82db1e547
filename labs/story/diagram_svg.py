"""A space-time diagram as SVG.

How a frame fared is told by shape, and by colour only besides: a lost one breaks off in a cross, a doubled one is a
double line, a damaged one has a jag, a held one is dashed and carries the two bars of a pause. Colours come from CSS
variables, so that a page can give its own; `standalone` brings them along, light and dark, for a notebook.

The elements lie in bands of so many arrows, each with the heights it spans, so that a page of thousands need show only
those in view (see report.js). All text was made plain by the layout, and is escaped here.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from labs.story.diagram import Arrow, Diagram, Mark, in_words
from labs.story.escape import html
from netstack.wire import MILLISECOND

ROW = 16.0  # pixels
GUTTER = 92.0  # for the times
LETTER = 6.8  # a letter's width, on average and a little more
HEAD = 34.0  # for the hosts' names
BAND = 64  # arrows or marks in one band

_LIGHT = {"paper": "#ffffff", "ink": "#1b1f24", "quiet": "#59636e", "line": "#818b98", "box": "#eef1f4"} | {
    "whole": "#0b4f9e", "lost": "#b3261e", "damaged": "#8a4b00", "doubled": "#6b34b8", "held": "#00635d"
}  # fmt: skip
_DARK = {"paper": "#14181d", "ink": "#e6edf3", "quiet": "#9aa5b1", "line": "#7d8590", "box": "#262c34"} | {
    "whole": "#79b8ff", "lost": "#ff8a80", "damaged": "#ffb561", "doubled": "#c9a6ff", "held": "#4fd1c5"
}  # fmt: skip

STYLE = """
.spacetime { font: 12px ui-sans-serif, system-ui, "DejaVu Sans", sans-serif }
.spacetime text { fill: var(--ink); paint-order: stroke; stroke: var(--paper); stroke-width: 3px }
.spacetime .time, .spacetime .mark text { fill: var(--quiet) }
.spacetime .lane { stroke: var(--line); stroke-width: 1.5 }
.spacetime .head rect { fill: var(--box); stroke: var(--line) }
.spacetime .head text { font-weight: 600; stroke: none }
.spacetime .pause rect { fill: var(--paper) }
.spacetime .pause path { fill: none; stroke: var(--line); stroke-width: 1.5 }
.spacetime .frame { color: var(--whole) }
.spacetime .frame.lost { color: var(--lost) }
.spacetime .frame.damaged { color: var(--damaged) }
.spacetime .frame.doubled { color: var(--doubled) }
.spacetime .frame.held { color: var(--held) }
.spacetime .frame path { fill: none; stroke: currentColor; stroke-width: 1.5; stroke-linecap: round }
.spacetime .frame path.held { stroke-dasharray: 5 4 }
.spacetime .frame path.sign { stroke-width: 2.5 }
.spacetime .frame path.reach { stroke: transparent; stroke-width: 14 }
.spacetime .frame text { fill: currentColor }
.spacetime .mark path { fill: var(--paper); stroke: var(--quiet); stroke-width: 1.5 }
.spacetime .mark.taken path, .spacetime .mark.consumed path, .spacetime .mark.end path { fill: var(--quiet) }
"""

_SIGNS = {  # of marks, around (0, 0)
    "offered": "M-5 -4 L3 0 L-5 4 Z",
    "taken": "M-5 -4 L3 0 L-5 4 Z",
    "delivered": "M5 -4 L-3 0 L5 4 Z",
    "consumed": "M5 -4 L-3 0 L5 4 Z",
    "note": "M0 -5 L5 0 L0 5 L-5 0 Z",
    "end": "M-4 -4 H4 V4 H-4 Z",
}


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Where things stand in pixels; `left` is where the first lane does."""

    diagram: Diagram
    left: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "left", GUTTER + (self.margin(0) if self.last > 0 else 40.0))

    @property
    def apart(self) -> float:
        return {1: 0.0, 2: 300.0, 3: 230.0}.get(len(self.diagram.hosts), 190.0)

    @property
    def last(self) -> int:
        return len(self.diagram.hosts) - 1

    @property
    def width(self) -> float:
        return self.x(self.last) + self.margin(self.last)

    def margin(self, lane: int) -> float:
        """What the words beside an outermost lane need."""
        longest = max((len(mark.text) for mark in self.diagram.marks if mark.lane == lane), default=0)
        return max(40.0, 24 + LETTER * longest)

    @property
    def height(self) -> float:
        return self.y(self.diagram.height) + ROW

    def x(self, lane: int) -> float:
        return self.left + self.apart * lane

    def y(self, rows: float) -> float:
        return HEAD + ROW * rows


def palette(selector: str) -> str:
    """CSS that gives `selector` the colours of diagrams and reports, light or dark as the reader's screen is."""
    light, dark = (";".join(f"--{name}:{colour}" for name, colour in colours.items()) for colours in (_LIGHT, _DARK))
    return f"{selector} {{ {light} }}\n@media (prefers-color-scheme: dark) {{ {selector} {{ {dark} }} }}\n"


def standalone(diagram: Diagram) -> str:
    """`diagram` as an SVG document that needs nothing else, light or dark as the reader's screen is."""
    sheet = _Sheet(diagram)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="spacetime" width="{sheet.width:g}" '
        f'height="{sheet.height:g}" viewBox="0 0 {sheet.width:g} {sheet.height:g}" role="img">'
        f"<title>{html(summary(diagram))}</title><style>{palette('.spacetime')}{STYLE}</style>"
        f'<rect width="100%" height="100%" fill="var(--paper)"/>{_body(sheet)}{_heads(sheet)}</svg>'
    )


def embedded(diagram: Diagram) -> tuple[str, str]:
    """`diagram` for a page that brings the styles: the hosts' names, which the page keeps in view, and the rest."""
    sheet = _Sheet(diagram)
    heads = (
        f'<svg class="heads" width="{sheet.width:g}" height="{HEAD:g}" viewBox="0 0 {sheet.width:g} {HEAD:g}" '
        f'aria-hidden="true">{_heads(sheet)}</svg>'
    )
    body = (
        f'<svg class="drawing" width="{sheet.width:g}" height="{sheet.height - HEAD:g}" '
        f'viewBox="0 {HEAD:g} {sheet.width:g} {sheet.height - HEAD:g}" role="img">'
        f"<title>{html(summary(diagram))}</title>{_body(sheet)}</svg>"
    )
    return heads, body


def summary(diagram: Diagram) -> str:
    """One sentence that says what the picture shows."""
    lost = sum(1 for arrow in diagram.arrows if arrow.frame.lost)
    span = in_words(diagram.moments[-1].at - diagram.moments[0].at) if diagram.moments else "no time"
    return (
        f"Space-time diagram: {len(diagram.arrows)} frames between {', '.join(diagram.hosts)} in {span}, {lost} lost. "
        "Pauses are shortened; the table of frames tells the same."
    )


def _heads(sheet: _Sheet) -> str:
    shown = [f'<text class="time" x="{GUTTER - 8:g}" y="21" text-anchor="end">not to scale</text>']
    for lane, host in enumerate(sheet.diagram.hosts):
        wide = max(36.0, 9.0 * len(host) + 16)
        x = sheet.x(lane)
        shown.append(
            f'<g class="head"><rect x="{x - wide / 2:g}" y="5" width="{wide:g}" height="24" rx="5"/>'
            f'<text x="{x:g}" y="21" text-anchor="middle">{html(host)}</text></g>'
        )
    return "".join(shown)


def _body(sheet: _Sheet) -> str:
    diagram = sheet.diagram
    lanes = (
        f'<path class="lane" d="M{sheet.x(lane):g} {HEAD - 5:g} V{sheet.y(sheet.diagram.height - 1):g}"/>'
        for lane in range(len(diagram.hosts))
    )
    pieces = sorted(itertools.chain(_times(sheet), _pauses(sheet), _arrows(sheet), _marks(sheet)))
    return "".join((*lanes, *_bands(pieces), _end(sheet)))


_Piece = tuple[float, float, str]  # the heights in pixels that it spans, and its SVG


def _bands(pieces: list[_Piece]) -> Iterator[str]:
    for begin in range(0, len(pieces), BAND):
        batch = pieces[begin : begin + BAND]
        top, bottom = min(piece[0] for piece in batch), max(piece[1] for piece in batch)
        yield f'<g class="band" data-top="{top:.0f}" data-bottom="{bottom:.0f}">'
        yield from (piece[2] for piece in batch)
        yield "</g>"


def _times(sheet: _Sheet) -> Iterator[_Piece]:
    for row, at in sheet.diagram.ticks():
        y = sheet.y(row)
        yield y - 12, y + 4, _time(y, in_words(at))


def _time(y: float, words: str) -> str:
    return f'<text class="time" x="{GUTTER - 8:g}" y="{y + 4:g}" text-anchor="end">{words}</text>'


def _pauses(sheet: _Sheet) -> Iterator[_Piece]:
    for pause in sheet.diagram.pauses:
        middle = sheet.y((pause.top + pause.bottom) / 2)
        drawn = [
            f'<rect x="{x - 6:g}" y="{middle - 6:g}" width="12" height="12"/>'
            f'<path d="M{x:g} {middle - 7:g} l-5 4 l10 6 l-5 4"/>'
            for x in map(sheet.x, range(len(sheet.diagram.hosts)))
        ]
        drawn.append(_time(middle, f"… {in_words(_rounded(pause.time))}"))
        yield sheet.y(pause.top), sheet.y(pause.bottom), f'<g class="pause">{"".join(drawn)}</g>'


def _rounded(time: int) -> int:
    """A pause's length to whole milliseconds, where it has ten or more: the gutter is narrow."""
    return round(time, -6) if time >= 10 * MILLISECOND else time


def _end(sheet: _Sheet) -> str:
    told = f"the end: {sheet.diagram.ended}" if sheet.diagram.ended else "the end"
    if sheet.diagram.omitted:
        told += f"; {sheet.diagram.omitted} events found no room"
    y = sheet.y(sheet.diagram.height) - 2
    return f'<text class="time" x="{GUTTER - 8:g}" y="{y:g}">{html(told)}</text>'


# Frames ---------------------------------------------------------------------------------------------------------------


def _arrows(sheet: _Sheet) -> Iterator[_Piece]:
    for arrow in sheet.diagram.arrows:
        yield _arrow(sheet, arrow)


def _arrow(sheet: _Sheet, arrow: Arrow) -> _Piece:
    """One frame: what a pointer can hit, its line or lines, the sign of its fate, its label."""
    x0, x1 = (sheet.x(lane) for lane in arrow.lanes)
    y0 = sheet.y(sheet.diagram.top(arrow))
    bottoms = [sheet.y(row) for row in sheet.diagram.bottoms(arrow)]
    if not bottoms:  # it breaks off: at the sender if its queue or card refused it, else on the way
        part = 0.16 if arrow.frame.lost in ("queue full", "too long") else 0.5
        x1, bottoms = x0 + (x1 - x0) * part, [y0 + 3 * ROW * part]
    lines = [_Line(x0, y0, x1, y1) for y1 in bottoms]
    drawn = [f'<path class="reach" d="{lines[0].path()}"/>']
    for line in lines:
        drawn += _drawn_line(line, arrow)
    drawn.append(_label(lines[0], arrow.label))
    classes = " ".join(("frame", *(fare.replace(" ", "-") for fare in arrow.fares)))
    group = f'<g class="{classes}" data-frame="{arrow.number}">{"".join(drawn)}</g>'
    return y0 - 12, max(bottoms) + 6, group


@dataclass(frozen=True, slots=True)
class _Line:
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def angle(self) -> float:
        """How steep it is, in radians from the horizontal, as seen from its sender."""
        return math.atan2(self.y1 - self.y0, abs(self.x1 - self.x0))

    @property
    def way(self) -> Literal[1, -1]:
        return 1 if self.x1 >= self.x0 else -1

    def at(self, part: float, aside: float = 0.0) -> tuple[float, float]:
        """The point at `part` of the way, so many pixels to the line's side."""
        x, y = self.x0 + (self.x1 - self.x0) * part, self.y0 + (self.y1 - self.y0) * part
        return x - self.way * math.sin(self.angle) * aside, y + math.cos(self.angle) * aside

    def beside(self, aside: float) -> "_Line":
        return _Line(*self.at(0, aside), *self.at(1, aside))

    def path(self) -> str:
        return f"M{self.x0:.1f} {self.y0:.1f} L{self.x1:.1f} {self.y1:.1f}"

    def through(self, *points: tuple[float, float]) -> str:
        """A path by way of `points`, each a part of the way and a distance aside."""
        return " ".join(
            f"{'M' if place == 0 else 'L'}{x:.1f} {y:.1f}"
            for place, (x, y) in enumerate(self.at(part, aside) for part, aside in points)
        )

    def head(self) -> str:
        length = math.hypot(self.x1 - self.x0, self.y1 - self.y0) or 1.0
        back = 1 - 9 / length
        return self.through((back, -4), (1, 0), (back, 4))

    def cross(self) -> str:
        return f"M{self.x1 - 5:.1f} {self.y1 - 5:.1f} l10 10 m0 -10 l-10 10"


def _drawn_line(line: _Line, arrow: Arrow) -> Iterator[str]:
    fares = arrow.fares
    held = ' class="held"' if "held" in fares else ""
    for track in (line.beside(-1.8), line.beside(1.8)) if "doubled" in fares else (line,):
        jag = track.through((0, 0), (0.55, 0), (0.57, -6), (0.61, 6), (0.63, 0), (1, 0))
        yield f'<path{held} d="{jag if "damaged" in fares else track.path()}"/>'
    if "lost" in fares:
        yield f'<path class="sign" d="{line.cross()}"/>'
    elif "under way" not in fares:
        yield f'<path d="{line.head()}"/>'
    if "held" in fares:
        (x, y) = line.at(0.8)
        yield f'<path class="sign" d="M{x - 3:.1f} {y - 5:.1f} v10 m6 0 v-10"/>'


def _label(line: _Line, text: str) -> str:
    """The label, along the line near its sender; level where the line is steep."""
    degrees = math.degrees(line.angle) * line.way
    anchor = "start" if line.way == 1 else "end"
    x, y = line.x0 + 10 * line.way, line.y0 - 3
    turned = f' transform="rotate({degrees:.1f} {line.x0:.1f} {line.y0:.1f})"' if abs(degrees) < 55 else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{turned}>{html(text)}</text>'


def _marks(sheet: _Sheet) -> Iterable[_Piece]:
    for mark in sheet.diagram.marks:
        yield _mark(sheet, mark, outward=-1 if mark.lane == 0 and sheet.last > 0 else 1)


def _mark(sheet: _Sheet, mark: Mark, outward: Literal[1, -1]) -> _Piece:
    """A sign on the lane with its words beside it: outside on the two outermost lanes, to the right on others."""
    x, y = sheet.x(mark.lane), sheet.y(sheet.diagram.moments[mark.moment].y)
    anchor = "start" if outward == 1 else "end"
    drawn = (
        f'<g class="mark {mark.shape}"><path transform="translate({x:g} {y:.1f})" d="{_SIGNS[mark.shape]}"/>'
        f'<text x="{x + 10 * outward:g}" y="{y + 4:.1f}" text-anchor="{anchor}">{html(mark.text)}</text></g>'
    )
    return y - 12, y + 6, drawn
