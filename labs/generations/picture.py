"""The picture: how far each fault got on each generation.

A column for each generation, and in it a level for each place where something may stand against faults. Every fault
rises from the line below, and ends where it was stopped: in a bar, or with people, in an arrowhead. Shapes tell what
colours tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from labs.generations.known import LEVELS, Generation, Means
from labs.generations.outcome import Got
from labs.generations.replay import Cell, Column, Comparison
from labs.generations.words import LABELS, told
from labs.story.diagram_svg import palette
from labs.story.escape import html

ROW = 22.0  # pixels: of one means against faults
STEP = 17.0  # between two faults
NAMES = 100.0  # for the names of a generation's means
LEFT, GAP, HEAD, PEOPLE, LINE = 92.0, 18.0, 30.0, 46.0, 40.0

STYLE = """
.rising { font: 13px ui-sans-serif, system-ui, "DejaVu Sans", sans-serif; display: block; max-width: none }
.rising text { fill: var(--ink); paint-order: stroke; stroke: var(--paper); stroke-width: 3px }
.rising .title { font-weight: 600 }
.rising .level, .rising .label { fill: var(--quiet) }
.rising .means { stroke: none }
.rising .band { fill: var(--box); opacity: .55 }
.rising .fault { fill: none; stroke-width: 2; color: var(--whole); stroke: currentColor }
.rising .fault.felt { color: var(--lost) }
.rising .fault.late { color: var(--held); stroke-dasharray: 5 3 }
.rising .fault.idle { color: var(--quiet) }
.rising .head { fill: currentColor; stroke-dasharray: none }
.rising .eased { fill: var(--paper); stroke-dasharray: none }
"""


def svg(comparison: Comparison) -> str:
    """The picture, which takes its colours from the page."""
    sheet = _Sheet(comparison)
    return f'<svg class="rising" {sheet.size} role="img">{sheet.title()}{"".join(sheet.drawn())}</svg>'


def standalone(comparison: Comparison) -> str:
    """The picture as an SVG document that needs nothing else, light or dark as the reader's screen is."""
    sheet = _Sheet(comparison)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="rising" {sheet.size} role="img">{sheet.title()}'
        f'<style>{palette(".rising")}{STYLE}</style><rect width="100%" height="100%" fill="var(--paper)"/>'
        f"{''.join(sheet.drawn())}</svg>\n"
    )


def _in_words(column: Column) -> str:
    count = sum(cell.reached_people for cell in column.cells)
    return f"{count} of {len(column.cells)} faults reached people"


@dataclass(slots=True)
class _Sheet:
    """Where things stand in pixels."""

    comparison: Comparison

    @property
    def size(self) -> str:
        wide, high = f"{self.width:g}", f"{self.height:g}"
        return f'width="{wide}" height="{high}" viewBox="0 0 {wide} {high}"'

    def title(self) -> str:
        told = "; ".join(f"{column.generation.title}: {_in_words(column)}" for column in self.comparison.columns)
        return f"<title>{html(told)}</title>"

    @property
    def across(self) -> float:
        return NAMES + STEP * (len(self.comparison.faults) + 1)

    @property
    def width(self) -> float:
        return LEFT + (self.across + GAP) * len(self.comparison.columns)

    @property
    def height(self) -> float:
        return self._floor + LINE

    @property
    def _floor(self) -> float:
        return HEAD + PEOPLE + sum(self._tall(level) for level in LEVELS)

    def _tall(self, level: str) -> float:
        return ROW * max(len(_at(column.generation, level)) for column in self.comparison.columns) + 10

    def _bottom(self, level: str) -> float:
        return self._floor - sum(self._tall(each) for each in LEVELS[: LEVELS.index(level)])

    def _height_of(self, generation: Generation, means: Means) -> float:
        return self._bottom(means.level) - 5 - ROW * (_at(generation, means.level).index(means) + 0.5)

    def drawn(self) -> Iterator[str]:
        yield from self._levels()
        for number, column in enumerate(self.comparison.columns):
            left = LEFT + (self.across + GAP) * number
            yield f'<text class="title" x="{left:g}" y="18">{html(column.generation.title)}</text>'
            for means in column.generation.means:
                height = self._height_of(column.generation, means)
                yield f'<text class="means" x="{left + 6:g}" y="{height + 4:g}">{html(means.name)}</text>'
            for place, (label, cell) in enumerate(zip(LABELS, column.cells, strict=False), 1):
                yield from self._fault(column.generation, left + NAMES + STEP * place, label, cell)

    def _levels(self) -> Iterator[str]:
        tops = {level: self._bottom(level) - self._tall(level) for level in LEVELS}
        for name, top in {"people": HEAD, **tops, "the line": self._floor}.items():
            yield f'<text class="level" x="4" y="{top + 18:g}">{name}</text>'
        for number in range(len(self.comparison.columns)):
            left = LEFT + (self.across + GAP) * number
            for level in LEVELS:
                tall = self._tall(level) - 4
                yield (
                    f'<rect class="band" x="{left:g}" y="{tops[level]:g}" width="{self.across:g}" height="{tall:g}" '
                    'rx="6"/>'
                )

    def _fault(self, generation: Generation, x: float, label: str, cell: Cell) -> Iterator[str]:
        foot = self._floor + 8
        yield f'<text class="label" x="{x:g}" y="{foot + 22:g}" text-anchor="middle">{label}</text>'
        yield f'<g class="fault {manner(cell)}"><title>{label}: {html(told(cell))}</title>'
        if cell.reached_people:
            yield from self._felt(generation, x, foot, cell)
        elif cell.absorber is not None:
            height = self._height_of(generation, cell.absorber)
            yield f'<path d="M{x:g} {foot:g} V{height:g} M{x - 6:g} {height:g} H{x + 6:g}"/>'
        else:
            yield f'<circle class="{"head" if cell.is_met else "eased"}" cx="{x:g}" cy="{foot:g}" r="3.5"/>'
        yield "</g>"

    def _felt(self, generation: Generation, x: float, foot: float, cell: Cell) -> Iterator[str]:
        """The arrow of a fault that reached people, with a ring where the wait was spared."""
        top = HEAD + 26
        fill = "eased" if manner(cell) == "late" else "head"
        tip = f"M{x - 5:g} {top + 9:g} L{x:g} {top:g} L{x + 5:g} {top + 9:g} Z"
        yield f'<path d="M{x:g} {foot:g} V{top + 8:g}"/><path class="{fill}" d="{tip}"/>'
        for means in (each for each in cell.acted if not each.answers):
            yield f'<circle class="eased" cx="{x:g}" cy="{self._height_of(generation, means):g}" r="5"/>'


def _at(generation: Generation, level: str) -> list[Means]:
    return [means for means in generation.means if means.level == level]


def manner(cell: Cell) -> str:
    """How a fault is drawn: `stopped`, `idle` (nothing had to act), `late`, or else `felt`."""
    if not cell.reached_people:
        return "idle" if cell.absorber is None else "stopped"
    is_late_only = cell.outcome.count(Got.RIGHT) == len(cell.outcome.heard) and not cell.outcome.surplus
    return "late" if is_late_only else "felt"
