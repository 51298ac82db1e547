"""One play as HTML: its diagram, its table of frames, what a chosen frame consists of, and its curves."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from labs.story import plots
from labs.story.diagram import Arrow, Diagram, in_words
from labs.story.diagram_svg import embedded
from labs.story.dissect import SHOWN, Fields, dissect
from labs.story.escape import html, plain
from labs.story.trace import FrameEvent, Trace
from labs.testbed.sim import Played

FRAMES_A_PLAY = 5_000
FRAMES_IN_ALL = 20_000
STRETCH = 100  # frames in one table


@dataclass(slots=True)
class Budget:
    """How many frames the page may still show, so that it opens at once whatever a program sent."""

    frames: int = FRAMES_IN_ALL

    def take(self, wanted: int) -> int:
        granted = min(wanted, FRAMES_A_PLAY, self.frames)
        self.frames -= granted
        return granted


@dataclass(frozen=True, slots=True)
class Shown:
    """A play to be shown; `identity` names it in the page, `culprit` is the frame that shows the failure."""

    identity: str
    title: str
    played: Played
    culprit: FrameEvent | None = None


def play_as_html(shown: Shown, fields: Fields | None, budget: Budget) -> str:
    """The play as one element of class `play`, which report.js brings to life."""
    trace = shown.played.trace
    whole = sum(1 for _ in trace.frames())
    trace = _beginning(trace, budget.take(whole))
    diagram = Diagram.of(trace)
    culprit = next((arrow.number for arrow in diagram.arrows if arrow.frame is shown.culprit), None)
    left_out = whole - len(diagram.arrows)
    return "".join(
        (
            f'<div class="play" id="play-{shown.identity}" role="group" aria-label="{html(shown.title)}"',
            f' data-culprit="{culprit}">' if culprit else ">",
            f"<h4>{html(shown.title)}</h4>{_ended(trace)}",
            f"<p>The first {len(diagram.arrows)} frames are shown, {left_out} more are in the trace.</p>"
            if left_out
            else "",
            _toolbar(),
            f'<div class="columns">{_scroller(shown, diagram)}',
            f'<div class="side">{_panel()}{_table(shown, diagram)}</div></div>',
            _curves(shown.played.trace),
            _output(shown.played),
            f'<script type="application/json" class="frames">{_data(diagram, fields)}</script></div>',
        )
    )


def _beginning(trace: Trace, frames: int) -> Trace:
    """`trace` up to its `frames`-th frame."""
    seen = 0
    for index, event in enumerate(trace.events):
        seen += isinstance(event, FrameEvent)
        if seen > frames:
            return replace(trace, events=trace.events[:index], ended="what follows is not shown")
    return trace


def _ended(trace: Trace) -> str:
    faults = trace.faults()
    told = f"It ended after {in_words(trace.ended_at)}: {trace.ended}. " if trace.ended else ""
    if faults:
        told += f"Faults that hit a frame: {', '.join(faults[:12])}{' …' if len(faults) > 12 else ''}."
    return f'<p class="quiet">{html(told)}</p>' if told else ""


def _toolbar() -> str:
    buttons = (
        ("previous", "Previous", "Previous frame"),
        ("next", "Next", "Next frame"),
        ("fault", "Next fault", "Next fault"),
        ("out", "−", "Zoom out"),
        ("in", "+", "Zoom in"),
        ("whole", "100 %", "100 % size"),
    )
    drawn = (
        f'<button type="button" data-does="{does}" aria-label="{aloud}">{words}</button>'
        for does, words, aloud in buttons
    )
    return f'<div class="toolbar" role="group" aria-label="Diagram" hidden>{"".join(drawn)}</div>'


def _scroller(shown: Shown, diagram: Diagram) -> str:
    label = f"Space-time diagram: {html(shown.title)}"
    drawn = "".join(embedded(diagram))
    return f'<div class="scroller spacetime" tabindex="0" role="group" aria-label="{label}">{drawn}</div>'


def _panel() -> str:
    return (
        '<div class="panel" aria-live="polite" tabindex="0" role="group" aria-label="The chosen frame" hidden>'
        "<p>Choose a frame, in the diagram or in the table, to see what it consists of.</p></div>"
    )


def _table(shown: Shown, diagram: Diagram) -> str:
    """The frames in tables of a hundred: a browser leaves out of its work a whole table that is not in view."""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("No.", "Time", "Way", "Frame", "Bytes", "Fate"))
    tables = "".join(
        f'<div class="stretch"><table><caption>Frames {begin + 1} to {begin + len(part)}, as they were sent</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, part))}</tbody></table></div>"
        for begin in range(0, len(diagram.arrows), STRETCH)
        for part in [diagram.arrows[begin : begin + STRETCH]]
    )
    label = f"Frames: {html(shown.title)}"
    return f'<div class="table" tabindex="0" role="group" aria-label="{label}">{tables}</div>'


def _row(arrow: Arrow) -> str:
    frame = arrow.frame
    fate = ", ".join(arrow.fate) or "arrived"
    return (
        f'<tr data-frame="{arrow.number}" class="{" ".join(fare.replace(" ", "-") for fare in arrow.fares)}">'
        f"<td>{arrow.number}</td><td>{in_words(frame.at)}</td><td>{html(frame.direction)}</td>"
        f"<td>{html(frame.kind)} {frame.index}</td><td>{len(frame.data)}</td><td>{html(fate)}</td></tr>"
    )


def _curves(trace: Trace) -> str:
    until = plots.last_time(trace)
    drawn = [
        f"<figure><figcaption>{html(curve.title)} <span>({html(curve.unit)})</span></figcaption>"
        f"{plots.svg(curve, until)}</figure>"
        for curve in plots.curves(trace)
    ]
    return f'<details class="curves"><summary>Curves over time</summary>{"".join(drawn)}</details>' if drawn else ""


def _output(played: Played) -> str:
    printed = [
        f"<h5>{html(program)} on {html(host)}</h5><pre>{html(text, lines=True)}</pre>"
        for (host, program), text in played.output.items()
        if text.strip()
    ]
    return f"<details><summary>What the programs printed</summary>{''.join(printed)}</details>" if printed else ""


def _data(diagram: Diagram, fields: Fields | None) -> str:
    """What the script needs of each frame, as JSON that cannot end its element."""
    frames = [dict(_frame(arrow, diagram, fields)) for arrow in diagram.arrows]
    return json.dumps(frames, separators=(",", ":")).replace("<", "\\u003c")


def _frame(arrow: Arrow, diagram: Diagram, fields: Fields | None) -> Iterator[tuple[str, object]]:
    frame = arrow.frame
    seen = frame.data if frame.arrived is None else frame.arrived
    sent = None if frame.arrived is None else frame.data
    yield "title", f"{arrow.number}: {plain(frame.kind)} {frame.index}, {plain(frame.direction)}"
    yield "sent", in_words(frame.at)
    yield "arrived", ", ".join(in_words(diagram.moments[moment].at) for moment in arrow.arrives)
    yield "fate", [*arrow.fate, *map(plain, frame.faults)]
    yield "length", len(frame.data)
    yield "hex", seen[:SHOWN].hex()
    if sent is not None:
        yield "before", sent[:SHOWN].hex()
    if told := dissect(seen, fields, sent=sent):
        yield "fields", [list(asdict(value).values()) for value in told]
