"""Curves over virtual time, read from a trace: what waits at a reader, what was consumed, what is under way.

All are drawn from evidence but the last sort: a note such as `window=4` is a program's own word, and is titled so.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labs.story.diagram import in_words
from labs.story.escape import html, plain
from labs.story.trace import FrameEvent, Note, PortEvent, Trace

WIDE, HIGH = 640.0, 150.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 14.0, 10.0, 26.0
MOST_NOTED = 6  # curves of a program's own words
_NOTED = re.compile(r"([A-Za-z_][\w .-]{0,23}?)\s*[=:]\s*(-?\d{1,15}(?:\.\d{1,6})?)")


@dataclass(frozen=True, slots=True)
class Curve:
    """A quantity that stays as it is until it changes: (time, value) at each change. `unit` names what is counted."""

    title: str
    unit: str
    points: tuple[tuple[int, float], ...]

    @property
    def highest(self) -> float:
        return max((value for _, value in self.points), default=0.0)


def curves(trace: Trace) -> Iterator[Curve]:
    """Every curve that `trace` can tell and that is not flat."""
    for curve in (*_queues(trace), *_consumed(trace), *_under_way(trace), *_noted(trace)):
        if len(curve.points) > 2 and len({value for _, value in curve.points}) > 1:
            yield curve


def _queues(trace: Trace) -> Iterator[Curve]:
    steps = {"delivered": 1, "consumed": -1}
    changes = defaultdict(list)
    for event in _port_events(trace):
        if event.what in steps:
            changes[event.host, event.port].append((event.at, float(steps[event.what])))
    for (host, port), those in changes.items():
        yield Curve(f"Waiting for the reader at {_place(host, port)}", "payloads", _running_sum(those))


def _consumed(trace: Trace) -> Iterator[Curve]:
    changes = defaultdict(list)
    for event in _port_events(trace):
        if event.what == "consumed":
            changes[event.host, event.port].append((event.at, float(len(event.payload))))
    for (host, port), those in changes.items():
        yield Curve(f"Goodput: consumed at {_place(host, port)}, in all", "bytes", _running_sum(those))


def _under_way(trace: Trace) -> Iterator[Curve]:
    changes: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for frame in trace.frames():
        for at in frame.arrivals:
            changes[frame.direction] += [(frame.at, 1.0), (at, -1.0)]
    for direction, those in changes.items():
        yield Curve(f"Under way {plain(direction)}", "frames", _running_sum(sorted(those)))


def _noted(trace: Trace) -> Iterator[Curve]:
    said = defaultdict(list)
    for event in trace.events:
        if isinstance(event, Note) and (match := _NOTED.fullmatch(event.text.strip())):
            said[event.host, event.program, match[1]].append((event.at, float(match[2])))
    for (host, program, name), points in list(said.items())[:MOST_NOTED]:
        yield Curve(f"{plain(name)}, as {plain(program)} on {host} noted", plain(name), tuple(points))


def _port_events(trace: Trace) -> Iterator[PortEvent]:
    return (event for event in trace.events if isinstance(event, PortEvent))


def _place(host: str, port: str) -> str:
    return host if port == "app" else f"{host}, port {plain(port)}"


def _running_sum(changes: Sequence[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    total, points = 0.0, {0: 0.0}
    for at, change in changes:
        total += change
        points[at] = total
    return tuple(points.items())


def last_time(trace: Trace) -> int:
    """Where the time axis of all curves of `trace` ends."""
    frames = (max(event.arrivals, default=0) for event in trace.events if isinstance(event, FrameEvent))
    return max(trace.ended_at, max((event.at for event in trace.events), default=0), max(frames, default=0), 1)


def svg(curve: Curve, until: int) -> str:
    """`curve` from 0 to `until` nanoseconds as SVG that takes its colours from the page."""
    ceiling = _round_up(curve.highest)

    def x(at: int) -> float:
        return LEFT + (WIDE - LEFT - RIGHT) * at / until

    def y(value: float) -> float:
        return TOP + (HIGH - TOP - BOTTOM) * (1 - value / ceiling)

    path = _staircase([(x(at), y(value)) for at, value in curve.points], x(until))
    told = f"{curve.title}: at most {curve.highest:g} {curve.unit}, at the end {curve.points[-1][1]:g}"
    labels = "".join(
        f'<path class="grid" d="M{LEFT:g} {y(value):.1f} H{WIDE - RIGHT:g}"/>'
        f'<text x="{LEFT - 6:g}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>'
        for value in (0.0, ceiling / 2, ceiling)
    ) + "".join(
        f'<text x="{x(at):.1f}" y="{HIGH - 8:g}" text-anchor="middle">{in_words(at)}</text>'
        for at in _round_times(until)
    )
    return (
        f'<svg class="plot" viewBox="0 0 {WIDE:g} {HIGH:g}" role="img"><title>{html(told)}</title>{labels}'
        f'<path class="curve" d="{path}"/></svg>'
    )


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 10, 20, 40 …, so that its half reads well too."""
    step = 1.0
    while True:
        for factor in (1, 2, 4):
            if value <= factor * step:
                return max(factor * step, 2.0)
        step *= 10


def _round_times(until: int) -> range:
    """Four to ten round times from 0 to `until`, for the axis."""
    step = 1
    while until // step >= 10:
        step *= 10
    if until // step < 4:
        step = max(1, step // (5 if until // step < 2 else 2))
    return range(0, until + 1, step)


def _staircase(points: Sequence[tuple[float, float]], end: float) -> str:
    """A path through `points`, level between them; several in one pixel become their lowest, highest and last."""
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    column: list[float] = []
    for index, (x, y) in enumerate(points):
        column.append(y)
        if index + 1 == len(points) or int(points[index + 1][0]) != int(x):
            path.append(f"H{x:.1f} " + " ".join(f"V{height:.1f}" for height in _outline(column)))
            column = []
    return " ".join((*path, f"H{end:.1f}"))


def _outline(column: Sequence[float]) -> Sequence[float]:
    return column if len(column) <= 3 else (min(column), max(column), column[-1])
