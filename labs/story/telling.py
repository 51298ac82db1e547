"""Events told as they happen, a line each: when, where, what, and what became of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from labs.course import Lab
from labs.grading.checks import import_part
from labs.story.dissect import hexdump
from labs.story.escape import plain
from labs.story.trace import Event, Exit, FrameEvent, Note, PortEvent
from netstack.wire import MILLISECOND

SHOWN = 160  # characters of a text or a description
FIRST = 16  # bytes of a payload that is no text
BYTES = 64  # of a frame, below its line
_VERBS = {
    "offered": "somebody wants to know",
    "taken": "the program takes it up",
    "delivered": "the program hands over",
    "consumed": "it has been read",
}


def designation(event: Event) -> str:
    """What a diagnosis calls an event: `a-b:data:3` for a frame, `a:delivered:2` at a port; "" for the rest."""
    match event:
        case FrameEvent():
            return f"{event.direction}:{event.kind}:{event.index}"
        case PortEvent():
            port = "" if event.port == "app" else f"{event.port}:"
            return f"{event.host}:{port}{event.what}:{event.number}"
    return ""


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells the events of one lab's scenes; `describe` is the lab's own word for a frame."""

    describe: Callable[[bytes], str]
    with_bytes: bool = False

    @classmethod
    def of(cls, lab: Lab, *, with_bytes: bool = False) -> "Teller":
        """A teller in the words of `lab`."""
        return cls(import_part(lab, "kinds").describe, with_bytes)

    def tell(self, event: Event) -> str:
        """One event, its frame's bytes below it where asked for; safe to show."""
        return "\n".join(
            [f"{_time(event.at)}  {plain(designation(event)):<22} {self._what(event)}".rstrip(), *self._bytes(event)]
        )

    def _what(self, event: Event) -> str:
        match event:
            case FrameEvent():
                return f"{self.described(event.data)}{_fate(event)}"
            case PortEvent():
                return f"{_VERBS[event.what]}: {_payload(event.payload)}"
            case Note():
                return f"{event.program} on {event.host} says: {plain(event.text)[:SHOWN]}"
            case Exit():
                detail = f": {plain(event.detail, lines=True)}" if event.detail else ""
                return f"{event.program} on {event.host} {event.how}{detail}"

    def described(self, frame: bytes) -> str:
        """A frame in a line, as the lab describes it; safe to show."""
        try:
            return plain(self.describe(frame))[:SHOWN].rstrip()
        except Exception:  # the frame is a student's, and may be anything
            return plain(repr(frame))[:SHOWN]

    def _bytes(self, event: Event) -> Iterator[str]:
        if self.with_bytes and isinstance(event, FrameEvent):
            for line in hexdump(event.data, most=BYTES):
                yield f"{'':14}{line}"


def _time(at: int) -> str:
    return f"{at / MILLISECOND:9.3f} ms"


def _payload(payload: bytes) -> str:
    """A text without the blanks that fill it up; of anything else how long it is, and its first bytes."""
    length = f"{len(payload)} byte{'' if len(payload) == 1 else 's'}"
    if not _is_text(payload):
        return f"{length}: {payload[:FIRST].hex(' ')}{' ...' if len(payload) > FIRST else ''}"
    shown = plain(payload).rstrip()
    if len(shown) > SHOWN:
        return f"{shown[:SHOWN]}... ({length})"
    return shown or f"({length})"


def _is_text(payload: bytes) -> bool:
    """Whether hardly anything in it is not meant for people: a stream may cut a letter in two."""
    text = payload.decode("utf-8", "surrogateescape")
    odd = sum(not (character.isprintable() or character.isspace()) for character in text)
    return 4 * odd <= len(text)


def _fate(event: FrameEvent) -> str:
    told = [event.lost, *(fault for fault in event.faults if not event.lost)]
    return f"   [{'; '.join(filter(None, told))}]" if any(told) else ""
