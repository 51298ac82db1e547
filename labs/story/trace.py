"""What the judge saw: the record of one play, which every verdict, picture and replay is read from.

A trace holds only what the judge owns: frames that crossed its wires, events at its application ports, its own timers,
and what became of each program. A program's own words (`Note`) stand in it too, marked as such; no verdict reads them.

A trace is bounded (`Recorder` counts what it had to leave out), and is the same, byte for byte, each time the same
scene is played with the same seed on `sim`. It is written as JSON lines: a header, then an event a line.
"""

import base64
import builtins
import json
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args, get_origin

FORMAT = 1


class TraceError(ValueError):
    """A file that is not a trace; the text names the line."""


@dataclass(frozen=True, slots=True)
class FrameEvent:
    """A frame offered to a wire at `at`, and its fate.

    `direction` is `sender-receiver`. `lost` is empty or the reason why nothing arrives. `faults` are scripts that would
    do the same again. `arrivals` are the times at which copies arrive; `arrived` is what arrives where that differs
    from `data`.
    """

    tag: ClassVar[str] = "frame"
    at: int
    direction: str
    kind: str
    index: int
    data: bytes
    lost: str = ""
    faults: tuple[str, ...] = ()
    arrivals: tuple[int, ...] = ()
    arrived: bytes | None = None


@dataclass(frozen=True, slots=True)
class PortEvent:
    """Something at an application port, whose far end is the judge's.

    Towards the program: a payload is `offered` (ready), then `taken` (the program asked for it). From the program: a
    payload is `delivered` (handed to the reader's queue), then `consumed` (the reader has read it). `number` counts
    payloads of that direction at that port, from 1.
    """

    tag: ClassVar[str] = "port"
    at: int
    host: str
    port: str
    what: Literal["offered", "taken", "delivered", "consumed"]
    number: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """Something a program said of itself, to be shown on its lane. It is not evidence."""

    tag: ClassVar[str] = "note"
    at: int
    host: str
    program: str
    text: str


@dataclass(frozen=True, slots=True)
class Exit:
    """How a program ended: it `returned`, `raised` or `died`; the judge `cancelled` it at the end, or `stopped` it.

    One that was `killed` did nothing wrong: the scene wanted it.
    """

    tag: ClassVar[str] = "exit"
    at: int
    host: str
    program: str
    how: Literal["returned", "raised", "cancelled", "died", "stopped", "killed"]
    detail: str = ""


Event = FrameEvent | PortEvent | Note | Exit
_EVENTS: dict[str, type[Any]] = {cls.tag: cls for cls in (FrameEvent, PortEvent, Note, Exit)}


@dataclass(frozen=True, slots=True)
class Line:
    """A link of the topology as a reader should see it: its name, its two hosts, and its properties in words."""

    name: str
    ends: tuple[str, str]
    properties: str = ""


@dataclass(slots=True, kw_only=True)
class Trace:
    """One play. `ended` says why it ended; `omitted` counts events that found no room."""

    scene: str
    seed: int
    testbed: str
    hosts: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    events: list[Event] = field(default_factory=list)
    ended: str = ""
    ended_at: int = 0
    omitted: int = 0

    def frames(self, direction: str | None = None, kind: str | None = None) -> Iterator[FrameEvent]:
        """The frames offered, in order, of one direction or kind where given."""
        for event in self.events:
            if isinstance(event, FrameEvent) and direction in (None, event.direction) and kind in (None, event.kind):
                yield event

    def at_port(self, what: str, host: str, port: str = "app") -> list[PortEvent]:
        """The events `what` at one application port, in order."""
        return [
            event
            for event in self.events
            if isinstance(event, PortEvent) and (event.what, event.host, event.port) == (what, host, port)
        ]

    def delivered(self, host: str, port: str = "app") -> list[bytes]:
        """The payloads that the program on `host` handed to the judge's reader, in order."""
        return [event.payload for event in self.at_port("delivered", host, port)]

    def exits(self) -> list[Exit]:
        return [event for event in self.events if isinstance(event, Exit)]

    def faults(self) -> tuple[str, ...]:
        """The whole schedule of this play as a script: every fault that hit a frame, by plan or by chance."""
        return tuple(dict.fromkeys(fault for frame in self.frames() for fault in frame.faults))

    def to_lines(self) -> Iterator[str]:
        """This trace as JSON lines: the header, then one event a line."""
        header = {spec.name: getattr(self, spec.name) for spec in fields(self) if spec.name not in ("events", "lines")}
        yield _dump({"trace": FORMAT, **header, "lines": [asdict(line) for line in self.lines]})
        for event in self.events:
            yield _dump({"event": event.tag, **asdict(event)})

    @classmethod
    def from_lines(cls, lines: Iterable[str]) -> "Trace":
        """The inverse of `to_lines`; raises `TraceError` for anything else."""
        numbered = enumerate(lines, 1)
        try:
            _, first = next(numbered)
            trace = _header(json.loads(first, object_hook=_revive))
        except StopIteration:
            raise TraceError("an empty file is not a trace") from None
        except _NOT_READABLE as error:
            raise TraceError(f"line 1 is not a trace's header: {error}") from None
        for number, text in numbered:
            try:
                trace.events.append(_event(json.loads(text, object_hook=_revive)))
            except _NOT_READABLE as error:
                raise TraceError(f"line {number} is not an event: {error}") from None
        return trace

    def write(self, path: Path) -> None:
        path.write_text("\n".join(self.to_lines()) + "\n", encoding="ascii")

    @classmethod
    def read(cls, path: Path) -> "Trace":
        return cls.from_lines(path.read_text(encoding="ascii", errors="replace").splitlines())


_NOT_READABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


def _header(record: dict[str, Any]) -> Trace:
    if record.pop("trace") != FORMAT:
        raise ValueError("it was written by another version; play the scene again")
    record["lines"] = tuple(_valid(Line, line) for line in record["lines"])
    return _valid(Trace, record)


def _event(record: dict[str, Any]) -> Event:
    event: Event = _valid(_EVENTS[record.pop("event")], record)
    return event


def _valid(kind: type[Any], record: dict[str, Any]) -> Any:
    """Make a `kind` of JSON's values; raises `TypeError` for one that does not fit its field."""
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in record.items()}
    for spec in fields(kind):
        if spec.name in values and not _fits(values[spec.name], spec.type):
            raise TypeError(f"{spec.name} is no {getattr(spec.type, '__name__', spec.type)}")
    return kind(**values)


def _fits(value: object, wanted: Any) -> bool:
    """Whether `value` is what the annotation `wanted` of a field says: a class, a tuple, a literal, or a union."""
    inner = get_args(wanted)
    match get_origin(wanted):
        case None:
            return type(value) is (wanted or type(None))
        case builtins.tuple if inner[-1] is ...:
            return isinstance(value, tuple) and all(_fits(item, inner[0]) for item in value)
        case builtins.tuple:
            return isinstance(value, tuple) and len(value) == len(inner) and all(map(_fits, value, inner))
        case typing.Literal:
            return isinstance(value, str) and value in inner
        case types.UnionType:
            return any(_fits(value, option) for option in inner)
    return False  # a list of events is never in a header


def _dump(record: dict[str, Any]) -> str:
    return json.dumps(record, default=_encode, separators=(",", ":"), ensure_ascii=True)


def _encode(value: object) -> object:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"{type(value).__name__} has no place in a trace")


def _revive(record: dict[str, Any]) -> Any:
    return base64.b64decode(record["base64"]) if record.keys() == {"base64"} else record


@dataclass(slots=True)
class Recorder:
    """Collects a trace within bounds: `most_events` of them, and `most_bytes` of frames, payloads and notes."""

    trace: Trace
    most_events: int = 200_000
    most_bytes: int = 64 << 20
    watch: Callable[[Event], None] | None = None
    _bytes: int = 0

    def add(self, event: Event) -> None:
        """Record `event`, or count it as omitted when there is no more room. An `Exit` always has room."""
        if self.watch is not None:
            self.watch(event)
        self._bytes += _size(event)
        full = len(self.trace.events) >= self.most_events or self._bytes > self.most_bytes
        if full and not isinstance(event, Exit):
            self.trace.omitted += 1
        else:
            self.trace.events.append(event)


def _size(event: Event) -> int:
    match event:
        case FrameEvent():
            return len(event.data) + len(event.arrived or b"")
        case PortEvent():
            return len(event.payload)
        case Note():
            return len(event.text)
        case Exit():
            return 0
