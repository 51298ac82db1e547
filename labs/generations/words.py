"""What came of a script, for a terminal: a table of who absorbed what, a picture of the same, and the day's sum."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from labs.generations.known import LEVELS, Generation, Means
from labs.generations.outcome import Got
from labs.generations.replay import ASKED, Cell, Column, Comparison
from netstack.wire import MILLISECOND, SECOND

LABELS = "123456789ABCDEFGHIJKLMNO"
"""What a fault is called in the picture; as many as a script may have."""
MARGIN = 12  # columns for the names of rows
NARROWEST = 11  # columns of a cell


def told(cell: Cell) -> str:
    """What a fault came to: who absorbed it, or what reached people."""
    if not cell.is_met:
        return "hit nothing"
    if cell.reached_people:
        return ", ".join(_reached(cell))
    # Whatever is sent again arrives out of order: beside others, that goes without saying.
    names = [means.name for means in cell.acted if means.key != "numbers" or len(cell.acted) == 1]
    return (", ".join(names) or "no harm") + (f" +{seconds(cell.delay)}" if cell.delay > 10 * MILLISECOND else "")


def _reached(cell: Cell) -> Iterator[str]:
    """What people noticed, the worst first."""
    wrong, silent, sorry = map(cell.outcome.count, (Got.WRONG, Got.SILENCE, Got.SORRY))
    at_once = sum(count for means, count in cell.acted.items() if not means.answers)
    if wrong:
        yield f"{wrong} wrong"
    if silent:
        yield f"{silent} unanswered"
    if sorry:
        yield f"{sorry} put off" + (f" ({at_once} at once)" if at_once else "")
    if cell.outcome.surplus:
        yield f"{cell.outcome.surplus} too many"
    if cell.late:
        yield f"{len(cell.late)} late, up to {seconds(max(cell.late))}"


def seconds(nanoseconds: int) -> str:
    """A duration as people say it: 0.24 s, 3.1 s."""
    value = nanoseconds / SECOND
    return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"


# The table ------------------------------------------------------------------------------------------------------------


def table(comparison: Comparison, *, columns: int) -> list[str]:
    """A row for each fault, a column for each generation; cells are broken up to fit."""
    titles = [column.generation.title for column in comparison.columns]
    names = [f"{label} {fault}" for label, fault in zip(LABELS, comparison.faults, strict=False)]
    cells = [[told(column.cells[row]) for column in comparison.columns] for row in range(len(names))]
    margin = max(map(len, names)) + 2
    rows = [[name, *row] for name, row in zip(names, cells, strict=True)]
    return list(_laid_out(["", *titles], rows, margin, columns))


def _laid_out(heads: Sequence[str], rows: Sequence[Sequence[str]], margin: int, columns: int) -> Iterator[str]:
    wide = max(NARROWEST, (columns - margin) // max(1, len(heads) - 1))
    for row in (heads, *rows):
        broken = [_broken_up(cell, wide - 1) for cell in row[1:]]
        for line in range(max(map(len, broken), default=1)):
            parts = (f"{cell[line] if line < len(cell) else '':<{wide}}" for cell in broken)
            yield f"{row[0] if line == 0 else '':<{margin}}{''.join(parts)}".rstrip()


def _broken_up(cell: str, wide: int) -> list[str]:
    """A cell's lines; a number and its unit stay together."""
    lines = textwrap.wrap(re.sub(r"(\d) s\b", "\\1\xa0s", cell), wide, break_on_hyphens=False)
    return [line.replace("\xa0", " ") for line in lines] or [""]


def bad_day(comparison: Comparison, inside: Mapping[str, int | None], *, columns: int) -> list[str]:
    """All faults together: what people got, what went over the line, and what it takes inside the application."""
    heads = ["", *(column.generation.title for column in comparison.columns)]
    facts = [list(in_sum(column, inside[column.generation.name])) for column in comparison.columns]
    rows = [[name, *(fact[number][1] for fact in facts)] for number, (name, _) in enumerate(facts[0])]
    return list(_laid_out(heads, rows, max(len(row[0]) for row in rows) + 2, columns))


def in_sum(column: Column, inside: int | None) -> Iterator[tuple[str, str]]:
    """One generation's bad day in words, as names and values; `inside` are its lines inside the application."""
    got, bill, without = column.together.outcome, column.bill, column.bill_without
    at_once = sum(count for means, count in column.together.acted.items() if not means.answers)
    yield "answered", f"{got.count(Got.RIGHT)} of {len(ASKED)}"
    yield "of these late", str(len(column.together.late))
    yield "wrong", str(got.count(Got.WRONG))
    sorry = [each.after for each in got.heard if each.got is Got.SORRY]
    yield "put off", f"{len(sorry)}" + (f" ({at_once} at once)" if at_once else "")
    yield "on average after", seconds(sum(sorry) // len(sorry)) if sorry else ""
    yield "unanswered", str(got.count(Got.SILENCE))
    yield "half within", seconds(got.middle)
    yield "all within", seconds(got.longest)
    yield "frames", f"{bill.frames} ({bill.frames - without.frames:+})"
    yield "bytes", f"{bill.bytes} ({bill.bytes - without.bytes:+})"
    yield "lines inside", "sealed" if inside is None else str(inside)


# The picture ----------------------------------------------------------------------------------------------------------


def stopped_at(column: Column, means: Means) -> str:
    """The labels of the faults that went no further than `means`; in brackets those that it only made bearable."""
    pairs = list(zip(LABELS, column.cells, strict=False))
    here = "".join(label for label, cell in pairs if cell.absorber == means)
    eased = "".join(label for label, cell in pairs if not means.answers and means in cell.acted)
    return here + (f"({eased})" if eased else "")


def felt(column: Column) -> str:
    """The labels of the faults that reached people."""
    return "".join(label for label, cell in zip(LABELS, column.cells, strict=False) if cell.reached_people)


def harmless(column: Column) -> str:
    """The labels of the faults that nothing had to be done about."""
    pairs = zip(LABELS, column.cells, strict=False)
    return "".join(label for label, cell in pairs if not cell.reached_people and cell.absorber is None)


def picture(comparison: Comparison, *, columns: int) -> list[str]:
    """The generations side by side, each from the line below to people above; a fault's label where it was stopped."""
    chosen = comparison.columns
    rows = [["people", *(felt(column) for column in chosen)]]
    for level in reversed(LEVELS):
        stacks = [[_standing(column, means) for means in _at(column.generation, level)] for column in chosen]
        for number in reversed(range(max(map(len, stacks)))):
            name = level if number == max(map(len, stacks)) - 1 else ""
            rows.append([name, *(stack[number] if number < len(stack) else "" for stack in stacks)])
    rows.append(["the line", *(f"no harm {harmless(column)}" if harmless(column) else "" for column in chosen)])
    return list(_laid_out(["", *(column.generation.title for column in chosen)], rows, MARGIN, columns))


def _at(generation: Generation, level: str) -> Iterable[Means]:
    return (means for means in generation.means if means.level == level)


def _standing(column: Column, means: Means) -> str:
    return f"{means.name} {stopped_at(column, means)}".rstrip()


def whole(comparison: Comparison, inside: Mapping[str, int | None], *, columns: int) -> list[str]:
    """All that `lab generations` prints."""
    return [
        f"People asked {len(ASKED)} questions, and one thing went wrong at a time.",
        "Who absorbed it, and how much later answers came; or what people noticed:",
        "",
        *table(comparison, columns=columns),
        "",
        "How far each fault got, by its number; in brackets: the wait was spared.",
        "",
        *picture(comparison, columns=columns),
        "",
        "All of them in one day; in brackets, the difference to a day without.",
        "",
        *bad_day(comparison, inside, columns=columns),
    ]
