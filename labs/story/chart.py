"""A chart for a lecture: one quantity against another, for several runs, or for a run and the formula that predicts it.

What differs by colour differs by shape as well: each series has dashes or dots of its own, and its name above the
chart. `plots` draws what one trace tells over its time; a chart compares.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from labs.story.diagram_svg import palette
from labs.story.escape import html

WIDE, HIGH = 640.0, 250.0
LEFT, RIGHT, BOTTOM = 56.0, 14.0, 42.0
LEGEND = 20.0  # pixels that a row of names takes
LETTER = 6.8  # a letter's width
MOST_TICKS = 8
COLOURS = ("whole", "lost", "held", "doubled", "damaged", "ink")
DASHES = ("", "7 4", "2 4", "10 3 2 3", "1 3", "12 6")
DOTS = (  # a disc, a square, a triangle, a diamond, a cross, a triangle upside down
    "M-4 0 A4 4 0 1 1 4 0 A4 4 0 1 1 -4 0 Z",
    "M-3.5 -3.5 H3.5 V3.5 H-3.5 Z",
    "M0 -5 L4.5 4 H-4.5 Z",
    "M0 -5 L5 0 L0 5 L-5 0 Z",
    "M-4 -2.5 L-2.5 -4 L0 -1.5 L2.5 -4 L4 -2.5 L1.5 0 L4 2.5 L2.5 4 L0 1.5 L-2.5 4 L-4 2.5 L-1.5 0 Z",
    "M0 5 L4.5 -4 H-4.5 Z",
)

STYLE = """
.chart { background: var(--paper); width: 100%; max-width: 720px; height: auto; display: block }
.chart text { fill: var(--quiet); font: 12px sans-serif }
.chart .name { fill: var(--ink) }
.chart .grid { stroke: var(--box) }
.chart .axis { stroke: var(--line) }
.chart .series { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round }
.chart .dot { fill: currentColor }
"""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """From left to right: `dots` that were measured, `steps` of what stays until it changes, a formula's `line`."""

    name: str
    points: Sequence[Point]
    manner: Literal["dots", "steps", "line"] = "line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Series over one pair of axes, both from nought. `across` and `up` name the quantities, with their units."""

    title: str
    across: str
    up: str
    series: Sequence[Series]

    def _repr_html_(self) -> str:
        return f"<style>{palette('.chart')}{STYLE}</style>{_Sheet(self).svg()}"


class _Sheet:
    """Where things stand in pixels."""

    def __init__(self, chart: Chart) -> None:
        points = [point for series in chart.series for point in series.points]
        self.chart = chart
        self.across = ticks(max((x for x, _ in points), default=0.0))
        self.up = ticks(max((y for _, y in points), default=0.0))
        self.farthest = max((x for x, _ in points), default=0.0) or self.across[-1]
        self.names = list(_in_rows([series.name for series in chart.series]))
        self.top = 30.0 + LEGEND * (1 + max(row for _, row in self.names))
        self.height = self.top + HIGH

    def x(self, value: float) -> float:
        return LEFT + (WIDE - LEFT - RIGHT) * value / self.farthest

    def y(self, value: float) -> float:
        return self.top + (HIGH - BOTTOM) * (1 - value / self.up[-1])

    def svg(self) -> str:
        told = f"{self.chart.title}: {self.chart.up} against {self.chart.across}, for " + ", ".join(
            series.name for series in self.chart.series
        )
        drawn = (*self._axes(), *(part for n, each in enumerate(self.chart.series) for part in self._series(n, each)))
        return (
            f'<svg class="chart" viewBox="0 0 {WIDE:g} {self.height:g}" role="img"><title>{html(told)}</title>'
            f"{''.join(drawn)}</svg>"
        )

    def _axes(self) -> Iterator[str]:
        for value in self.up:
            height = self.y(value)
            yield f'<path class="grid" d="M{LEFT:g} {height:.1f} H{WIDE - RIGHT:g}"/>'
            yield f'<text x="{LEFT - 6:g}" y="{height + 4:.1f}" text-anchor="end">{value:g}</text>'
        floor = self.y(0)
        for value in self.across:
            if value <= self.farthest:
                yield f'<text x="{self.x(value):.1f}" y="{floor + 16:.1f}" text-anchor="middle">{value:g}</text>'
        yield f'<path class="axis" d="M{LEFT:g} {floor:.1f} H{WIDE - RIGHT:g}"/>'
        yield f'<text x="{WIDE - RIGHT:g}" y="{floor + 34:.1f}" text-anchor="end">{html(self.chart.across)}</text>'
        yield f'<text x="4" y="{self.top - 12:.1f}">{html(self.chart.up)}</text>'

    def _series(self, number: int, series: Series) -> Iterator[str]:
        """The legend of one series, and the series."""
        colour, dashes, dot = (each[number % len(each)] for each in (COLOURS, DASHES, DOTS))
        left, row = self.names[number][0], 10.0 + LEGEND * self.names[number][1]
        sample = [(left, row), (left + 36, row)]
        places = [(self.x(x), self.y(y)) for x, y in series.points]
        yield f'<g style="color:var(--{colour})">'
        for points, end in ((sample, left + 36), (places, self.x(self.farthest))):
            if series.manner == "dots":
                dots = points if points is places else [(left + 18, row)]
                yield from (f'<path class="dot" transform="translate({x:.1f} {y:.1f})" d="{dot}"/>' for x, y in dots)
            else:
                path = _steps(points, end) if series.manner == "steps" else _line(points)
                yield f'<path class="series" stroke-dasharray="{dashes or "none"}" d="{path}"/>'
        yield f'</g><text class="name" x="{left + 46:g}" y="{row + 4:g}">{html(series.name)}</text>'


def _in_rows(names: Sequence[str]) -> Iterator[tuple[float, int]]:
    """Where each name's sample begins, and in which row: as many side by side as there is room for."""
    left, row = LEFT, 0
    for name in names:
        needed = 70 + LETTER * len(name)
        if left + needed > WIDE and left > LEFT:
            left, row = LEFT, row + 1
        yield left, row
        left += needed


def ticks(highest: float) -> list[float]:
    """Round values from nought to `highest` or a little more."""
    step = 10.0 ** math.floor(math.log10(highest or 1.0)) / 10
    factors = (factor * 10**power for power in range(3) for factor in (1, 2, 5))
    step *= next(factor for factor in factors if highest <= factor * step * MOST_TICKS)
    return [round(n * step, 9) for n in range(max(1, math.ceil(highest / step - 1e-9)) + 1)]


def _line(points: Sequence[Point]) -> str:
    return "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in points) if points else ""


def _steps(points: Sequence[Point], end: float) -> str:
    """Level until the next point, and after the last one until `end`."""
    return _line(points[:1]) + "".join(f" H{x:.1f} V{y:.1f}" for x, y in points[1:]) + f" H{end:.1f}"
