"""What came of a script as a page: one HTML file that needs no network: the picture, the table and the day's sum.

It dresses like a report (`labs.story.report`): light or dark as the reader's screen is, and all text escaped.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from labs.generations import picture
from labs.generations.picture import manner
from labs.generations.replay import ASKED, Cell, Comparison
from labs.generations.words import LABELS, in_sum, told
from labs.story.diagram_svg import palette
from labs.story.escape import html
from labs.story.report import asset, hashed

STYLE = """
.outcomes td, .outcomes th { padding: 4px 10px; vertical-align: top; text-align: left }
.outcomes td.felt::before { content: "\\25b2 "; color: var(--lost) }
.outcomes td.late::before { content: "\\25b3 "; color: var(--held) }
.outcomes .acted { display: block; color: var(--quiet); font-size: 13px }
"""


def write(path: Path, comparison: Comparison, inside: Mapping[str, int | None], *, command: str) -> Path:
    """Write the page to `path` and return it. `command` is what repeats it."""
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(whole(comparison, inside, command=command), encoding="utf-8")
    return partial.replace(path)


def whole(comparison: Comparison, inside: Mapping[str, int | None], *, command: str) -> str:
    """The page as text."""
    style = palette(":root") + picture.STYLE + STYLE + asset("report.css")
    policy = f"default-src 'none'; style-src {hashed(style)}; base-uri 'none'; form-action 'none'"
    title = "The same faults, one generation after the other"
    parts = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{title}</title><style>{style}</style></head><body>",
        f"<header><h1>{title}</h1><p>{_introduction(comparison)}</p></header><main>",
        '<figure><div class="wide" tabindex="0" role="group" aria-label="Where each fault was stopped">',
        f"{picture.svg(comparison)}</div><figcaption>{_CAPTION}</figcaption></figure>",
        *_cells(comparison),
        *_sum(comparison, inside),
        f'<div class="replay"><h3>To repeat it</h3><pre><code>{html(command)}</code></pre></div>',
        "</main></body></html>\n",
    )
    return "\n".join(parts)


def _introduction(comparison: Comparison) -> str:
    return (
        f"People ask {len(ASKED)} questions, of every generation the same, over the same line; each fault was played "
        f"alone, on {len(comparison.columns)} generations, in virtual time, with seed {comparison.seed:x}. What a play "
        "did that the play without faults did not do is what the fault caused."
    )


_CAPTION = (
    "How far each fault got. <span>A bar: stopped there. A dot: nothing had to be done. A full arrowhead: people got "
    "no answer, or a wrong one; a hollow one on a dashed line: only a late one. A ring: the wait for no answer was "
    "spared.</span>"
)


# The tables -----------------------------------------------------------------------------------------------------------


def _cells(comparison: Comparison) -> Iterator[str]:
    yield "<h2>Who absorbed what</h2>"
    head = _heads(["Fault", *(column.generation.title for column in comparison.columns)])
    yield f'<div class="wide"><table class="outcomes"><thead><tr>{head}</tr></thead><tbody>'
    for number, fault in enumerate(comparison.faults):
        cells = "".join(_cell(column.cells[number]) for column in comparison.columns)
        yield f'<tr><th scope="row">{LABELS[number]} <code>{html(str(fault))}</code></th>{cells}</tr>'
    yield "</tbody></table></div>"


def _cell(cell: Cell) -> str:
    acted = ", ".join(f"{means.name} {count}" for means, count in cell.acted.items())
    ended = "teams gave up" if cell.ended == "returned" else f"teams {cell.ended}" if cell.ended else ""
    more = "; ".join(filter(None, (acted, ended)))
    aside = f'<span class="acted">{html(more)}</span>' if more else ""
    return f'<td class="{manner(cell)}">{html(told(cell))}{aside}</td>'


def _sum(comparison: Comparison, inside: Mapping[str, int | None]) -> Iterator[str]:
    yield "<h2>All of them in one day</h2><p>In brackets: the difference to a day without faults.</p>"
    facts = [list(in_sum(column, inside[column.generation.name])) for column in comparison.columns]
    head = _heads(["", *(column.generation.title for column in comparison.columns)])
    yield f'<div class="wide"><table class="outcomes"><thead><tr>{head}</tr></thead><tbody>'
    for number, (name, _) in enumerate(facts[0]):
        values = "".join(f"<td>{html(fact[number][1])}</td>" for fact in facts)
        yield f'<tr><th scope="row">{html(name)}</th>{values}</tr>'
    yield "</tbody></table></div>"


def _heads(titles: Iterable[str]) -> str:
    return "".join(f'<th scope="col">{html(title)}</th>' for title in titles)
