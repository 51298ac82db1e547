"""A space-time diagram, worked out: hosts stand side by side, time runs down, frames slant from sender to receiver.

The picture is Lamport's (1978), and every textbook's of protocols. What a trace adds is that time spans seven orders of
magnitude: two frames of one burst are microseconds apart, a retransmission comes a second later. So time is not drawn
to scale. `Diagram.of` puts every *moment* (a frame sent, a frame arriving, a mark on a host's line) into the order in
which it happened and gives each a height:

* between two moments lies a distance in proportion to the time between them, until it is long: a *pause*, in which
  nothing happened at all, is drawn short and says how long it was;
* moments of one host stand at least half a row apart, and a row where both have words, even if they are simultaneous.

What always holds: a moment stands below all that caused it, and on one host's line above all that came after it.
Heights are counted in rows, one row a line of text. Two renderers draw the same diagram: `diagram_svg`, `diagram_text`.
"""

import itertools
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from labs.story.escape import plain
from labs.story.trace import Event, Exit, FrameEvent, Note, PortEvent, Trace
from netstack.wire import MICROSECOND, MILLISECOND, SECOND

FLIGHT = 3.0  # rows that a typical frame takes to cross a link
LONGEST = 8.0  # rows drawn in proportion; what would be longer is a pause
PAUSE = 2.5  # rows that a pause takes
PREVIEW = 24  # characters of a payload or a note that a mark shows
FEW = 4  # payloads at one port at one time are told one by one

Fare = Literal["lost", "damaged", "doubled", "held", "under way"]
Shape = Literal["offered", "taken", "delivered", "consumed", "note", "end"]


@dataclass(frozen=True, slots=True)
class Arrow:
    """A frame: `number` counts those of the trace from 1, `lanes` are its two ends, `sent` is a moment.

    `arrives` is empty for a frame that never did, and names a moment for each time at which a copy does. `fares` says
    in what it differs from a frame that simply arrives.
    """

    number: int
    frame: FrameEvent
    lanes: tuple[int, int]
    sent: int
    arrives: tuple[int, ...]
    fares: tuple[Fare, ...]

    @property
    def label(self) -> str:
        """The frame's kind and index, and its fate in words."""
        return " ".join((f"{plain(self.frame.kind)} {self.frame.index}", *self.fate))

    @property
    def fate(self) -> tuple[str, ...]:
        """What befell the frame, in words; nothing for one that simply arrived."""
        words = {"duplicate": "twice", "flip": "damaged", "hold": "held"}
        told = [words[name] for fault in self.frame.faults if (name := fault.partition(" ")[0]) in words]
        if "under way" in self.fares:
            told.append("still under way")
        return (self.frame.lost,) if self.frame.lost else tuple(told)


@dataclass(frozen=True, slots=True)
class Mark:
    """Something on a host's line that is no frame: at an application port, a program's note, a program's end."""

    lane: int
    moment: int
    shape: Shape
    text: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of the picture: when it was, on which lane, and how far down it stands."""

    at: int
    lane: int
    y: float


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch of `time` in which nothing happened, drawn short, from the height `top` to `bottom`."""

    top: float
    bottom: float
    time: int


@dataclass(slots=True)
class _Point:
    """A moment before it has its place. Points are put in order by `key`; `worded` ones need a row of their own."""

    key: tuple[int, int, int, bool]
    lane: int
    worded: bool
    y: float = 0.0

    @property
    def at(self) -> int:
        return self.key[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """The layout. Arrows and marks name their `moments` by position, which is also the order of time."""

    hosts: tuple[str, ...]
    moments: tuple[Moment, ...]
    arrows: tuple[Arrow, ...]
    marks: tuple[Mark, ...]
    pauses: tuple[Pause, ...]
    height: float
    ended: str = ""
    omitted: int = 0

    @classmethod
    def of(cls, trace: Trace) -> "Diagram":
        """Lay out `trace`."""
        return _Layout(trace).diagram()

    def top(self, arrow: Arrow) -> float:
        """The height at which `arrow` leaves its sender."""
        return self.moments[arrow.sent].y

    def bottoms(self, arrow: Arrow) -> tuple[float, ...]:
        """The heights at which the copies of `arrow` arrive."""
        return tuple(self.moments[moment].y for moment in arrow.arrives)

    def ticks(self, apart: float = 1.0) -> Iterator[tuple[float, int]]:
        """The heights at which the axis tells the time, at least `apart` rows from one to the next, and that time."""
        last_y, last_at = -apart, None
        for moment in self.moments:
            if moment.at != last_at and moment.y - last_y >= apart:
                yield moment.y, moment.at
                last_y, last_at = moment.y, moment.at

    def _repr_svg_(self) -> str:
        from labs.story.diagram_svg import standalone  # the renderer reads this module

        return standalone(self)


@dataclass(slots=True)
class _Layout:
    trace: Trace
    hosts: tuple[str, ...] = ()
    points: list[_Point] = field(default_factory=list)

    def diagram(self) -> Diagram:
        trace = self.trace
        self.hosts = lane_order(trace)
        lanes = {host: lane for lane, host in enumerate(self.hosts)}
        arrows, marks = [], []
        for sequence, (number, event, count) in enumerate(_told(trace)):
            if isinstance(event, FrameEvent):
                arrows.append((number, event, *self._arrow(event, sequence, lanes)))
            elif shown := _mark(event, count):
                marks.append((*shown, self._point(event.at, sequence, lanes[event.host], worded=True)))
        pauses = self._rise()
        place = {id(point): index for index, point in enumerate(self.points)}
        return Diagram(
            hosts=self.hosts,
            moments=tuple(Moment(point.at, point.lane, point.y) for point in self.points),
            arrows=tuple(
                Arrow(
                    number,
                    frame,
                    (sent.lane, to),
                    place[id(sent)],
                    tuple(place[id(point)] for point in arrives),
                    fares_of(frame, trace.ended_at),
                )
                for number, frame, to, sent, arrives in arrows
            ),
            marks=tuple(Mark(point.lane, place[id(point)], shape, text) for shape, text, point in marks),
            pauses=tuple(pauses),
            height=(self.points[-1].y if self.points else 0.0) + 1.5,
            ended=trace.ended,
            omitted=trace.omitted,
        )

    def _point(self, at: int, sequence: int, lane: int, *, worded: bool, stage: int = 1) -> _Point:
        point = _Point((at, stage, sequence, not worded), lane, worded)
        self.points.append(point)
        return point

    def _arrow(self, frame: FrameEvent, sequence: int, lanes: dict[str, int]) -> tuple[int, _Point, list[_Point]]:
        sender, receiver = (lanes[host] for host in ends(self.trace, frame.direction))
        sent = self._point(frame.at, sequence, sender, worded=True)
        # What arrives at some time comes before what is done at that time, unless it was sent only then.
        arrives = [
            self._point(at, sequence, receiver, worded=False, stage=1 if at == frame.at else 0)
            for at in sorted(set(frame.arrivals))
            if at <= self.trace.ended_at
        ]
        return receiver, sent, arrives

    def _rise(self) -> list[Pause]:
        """Put the points in order and give each its height; return the pauses between them."""
        self.points.sort(key=lambda point: point.key)
        rows_per_ns = FLIGHT / _typical_flight(self.trace)
        y, at, pauses = 0.5, self.points[0].at if self.points else 0, []
        on_lane: dict[int, _Point] = {}
        for point in self.points:
            rows = (point.at - at) * rows_per_ns
            if rows > LONGEST:
                pauses.append(Pause(y, y + PAUSE, point.at - at))
                rows = PAUSE
            y += max(rows, 0.15 if point.at > at else 0.0)
            above = on_lane.get(point.lane)
            if above is not None:
                y = max(y, above.y + (1.0 if above.worded and point.worded else 0.5))
            point.y, at = y, point.at
            on_lane[point.lane] = point
        return pauses


def fares_of(frame: FrameEvent, ended_at: int) -> tuple[Fare, ...]:
    """In what `frame` differs from one that simply arrives; `ended_at` is when the play ended."""
    if frame.lost:
        return ("lost",)
    done = {fault.partition(" ")[0] for fault in frame.faults}
    told: Sequence[tuple[Fare, bool]] = (
        ("damaged", frame.arrived is not None or "flip" in done),
        ("doubled", len(frame.arrivals) > 1),
        ("held", "hold" in done),
        ("under way", bool(frame.arrivals) and min(frame.arrivals) > ended_at),
    )
    return tuple(fare for fare, holds in told if holds)


def ends(trace: Trace, direction: str) -> tuple[str, str]:
    """The sender and the receiver of `direction`."""
    for line in trace.lines:
        first, second = line.ends
        suffix = line.name.removeprefix(f"{first}-{second}")
        if direction == f"{first}-{second}{suffix}":
            return first, second
        if direction == f"{second}-{first}{suffix}":
            return second, first
    sender, _, receiver = direction.partition("-")
    return sender, receiver.partition(".")[0]


def lane_order(trace: Trace) -> tuple[str, ...]:
    """The hosts side by side, so that links span few lanes: of all orders the shortest, the topology's own first."""
    hosts = trace.hosts or tuple(dict.fromkeys(host for line in trace.lines for host in line.ends))
    if len(hosts) > 7:  # 5,040 orders are looked through in a moment, 40,320 are not
        return hosts

    def span(order: tuple[str, ...]) -> int:
        return sum(abs(order.index(line.ends[0]) - order.index(line.ends[1])) for line in trace.lines)

    return min(itertools.permutations(hosts), key=span)  # the first of equals, and permutations begin with `hosts`


def _told(trace: Trace) -> Iterator[tuple[int, Event, int]]:
    """The events that are drawn, frames with their number, and how many payloads a port's event stands for.

    Many at one port at one time are told as one. So is a payload offered and taken at once, or read at once.
    """
    at_once = {_occasion(event) for event in trace.events if isinstance(event, PortEvent)}
    number = 0
    for _, group in itertools.groupby(trace.events, key=lambda event: _occasion(event, run=True)):
        events = [event for event in group if not _implied(event, at_once)]
        if len(events) > FEW and isinstance(events[0], PortEvent):
            yield number, events[0], len(events)
            continue
        for event in events:
            number += isinstance(event, FrameEvent)
            yield number, event, 1


def _occasion(event: Event, *, run: bool = False) -> tuple[object, ...]:
    if not isinstance(event, PortEvent):
        return ()
    return (event.at, event.host, event.port, event.what, *(() if run else (event.number,)))


def _implied(event: Event, at_once: set[tuple[object, ...]]) -> bool:
    """Whether `event` is the first half of what happened at once."""
    if not isinstance(event, PortEvent) or event.what in ("taken", "consumed"):
        return False
    second: Literal["taken", "consumed"] = "taken" if event.what == "offered" else "consumed"
    return _occasion(replace(event, what=second)) in at_once


_VERBS = {"offered": "offered", "taken": "takes", "delivered": "delivers", "consumed": "read"}


def _mark(event: Event, count: int) -> tuple[Shape, str] | None:
    match event:
        case PortEvent() if count > 1:
            return event.what, f"{_VERBS[event.what]} {event.number} to {event.number + count - 1}"
        case PortEvent():
            return event.what, f"{_VERBS[event.what]} {event.number} {_preview(event.payload)}"
        case Note():
            return "note", _shortened(plain(event.text))
        case Exit() if event.how != "cancelled":
            return "end", f"{plain(event.program)} {event.how}"
    return None


def _preview(payload: bytes) -> str:
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        text = "\0"
    return _shortened(plain(text) if text.isprintable() else payload[:PREVIEW].hex(" "))


def _shortened(text: str) -> str:
    return text if len(text) <= PREVIEW else f"{text[: PREVIEW - 1]}…"


def _typical_flight(trace: Trace) -> float:
    flights: Iterable[int] = (min(frame.arrivals) - frame.at for frame in trace.frames() if frame.arrivals)
    return statistics.median([flight for flight in flights if flight > 0] or [10 * MILLISECOND])


def in_words(nanoseconds: int) -> str:
    """A time for people: `0`, `40 µs`, `5 ms`, `1.005 s`; at most a thousandth of its unit is told."""
    if not nanoseconds:
        return "0"
    units = ((SECOND, "s"), (MILLISECOND, "ms"), (MICROSECOND, "µs"), (1, "ns"))
    size, unit = next(pair for pair in units if abs(nanoseconds) >= pair[0])
    return f"{nanoseconds / size:.3f}".rstrip("0").rstrip(".") + f" {unit}"
