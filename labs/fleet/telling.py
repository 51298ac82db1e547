"""What a measurement found, as a table for people, and as data."""

from collections.abc import Iterator, Sequence
from typing import Any

from labs.fleet.measuring import Measured
from labs.fleet.prices import Count

HEADINGS = ("service", "written as", "business", "glue", "files", "lines", "asked", "failed")


def as_json(measured: Measured) -> dict[str, Any]:
    """The documented form (docs/fleet.md)."""
    cost = measured.governance
    return {
        "services": list(_services(measured)),
        "upgrade": {
            "name": cost.upgrade,
            "files": len(cost.touched),
            "lines": sum(each.lines for each in cost.touched),
            "edits": cost.edits,
            "restarts": cost.restarts,
            "seconds": round(cost.seconds, 3),
            "asked": cost.tally.asked.total(),
            "failed": cost.tally.failed.total(),
            "reasons": dict(cost.tally.reasons.most_common()),
        },
        "events": [
            {
                "what": event.what,
                "library": {"asked": event.library.asked, "failed": event.library.failed},
                "ruby": {"asked": event.foreign.asked, "failed": event.foreign.failed},
                "edits": event.edits,
                "restarts": event.restarts,
            }
            for event in measured.events
        ],
        "left_out": measured.left_out,
    }


def _services(measured: Measured) -> Iterator[dict[str, Any]]:
    cost = measured.governance
    for row in measured.glue:
        yield {
            "service": row.service,
            "style": row.style,
            "business": row.lines.business,
            "glue": row.lines.glue,
            "touched": {each.file: each.lines for each in cost.touched if each.service == row.service},
            "asked": cost.tally.asked[row.service],
            "failed": cost.tally.failed[row.service],
        }


def table(measured: Measured) -> Iterator[str]:
    """The lines to print: a row for each service, and then the three prices."""
    yield from _columns([HEADINGS, *_rows(measured)], left=2)
    yield ""
    yield from _glue(measured)
    yield ""
    yield from _runtime(measured)
    yield ""
    yield from _governance(measured)


def _rows(measured: Measured) -> Iterator[tuple[str, ...]]:
    for each in _services(measured):
        touched = each["touched"]
        numbers = (each["business"], each["glue"], len(touched), sum(touched.values()), each["asked"], each["failed"])
        yield each["service"], each["style"], *map(str, numbers)


def _columns(rows: Sequence[tuple[str, ...]], *, left: int) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        yield "  ".join(
            cell.ljust(width) if n < left else cell.rjust(width) for n, (cell, width) in enumerate(cells)
        ).rstrip()


def _glue(measured: Measured) -> Iterator[str]:
    glue = sum(row.lines.glue for row in measured.glue)
    business = sum(row.lines.business for row in measured.glue)
    styles = len({row.style for row in measured.glue})
    yield f"1. Glue: {glue} lines wire {len(measured.glue)} services to the library, in {styles} ways;"
    yield f"   {business} lines are their business."


def _runtime(measured: Measured) -> Iterator[str]:
    if measured.left_out:
        yield f"2. One runtime: not measured. {measured.left_out}."
        return
    yield "2. One runtime: of the questions to players, so many failed"
    rows = [("   when", "by the library", "by Ruby itself", "which took")]
    for event in measured.events:
        took = f"{_many(event.edits, 'edit')}, {_many(event.restarts, 'restart')}"
        rows.append((f"   {event.what}", _of(event.library), _of(event.foreign), took))
    yield from _columns(rows, left=1)


def _governance(measured: Measured) -> Iterator[str]:
    cost = measured.governance
    lines, tally = sum(each.lines for each in cost.touched), cost.tally
    yield f"3. Governance, {cost.upgrade}:"
    yield (
        f"   {_many(len(cost.touched), 'file')} touched ({_many(lines, 'line')}), in {_many(cost.edits, 'edit')}; "
        f"{_many(cost.restarts, 'restart')}."
    )
    yield (
        f"   While releases were mixed, for {cost.seconds:.1f} s, "
        f"{_of(Count(tally.asked.total(), tally.failed.total()))} questions failed."
    )
    for reason, count in tally.reasons.most_common(3):
        yield f"   {count:>5} × {reason}"


def _of(count: Count) -> str:
    return f"{count.failed} of {count.asked}"


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
