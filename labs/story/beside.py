"""A frame beside the one that was expected, or beside one that was right: the header fields in which they differ."""

from dataclasses import dataclass

from labs.story.dissect import Fields, differences, dissect
from labs.story.telling import designation
from labs.story.trace import FrameEvent
from labs.testbed.judge import Broken

SHOWN = 40  # characters of a field's value


@dataclass(frozen=True, slots=True)
class Beside:
    """What a frame is compared with, in words, and the fields that differ: name, value here, value there."""

    title: str
    rows: tuple[tuple[str, str, str], ...]


def compared(broken: Broken, fields: Fields | None) -> Beside | None:
    """The comparison that a broken expectation calls for; None where it calls for none, or no field differs."""
    frame, wanted = broken.frame, broken.wanted
    if frame is None or wanted is None or fields is None:
        return None
    other = wanted.data if isinstance(wanted, FrameEvent) else wanted
    differing = differences(dissect(frame.data, fields), dissect(other, fields))
    rows = tuple((name, _cut(here), _cut(there)) for name, here, there in differing)
    right = f"{designation(wanted)}, which was right" if isinstance(wanted, FrameEvent) else "the frame expected"
    return Beside(f"{designation(frame)} beside {right}", rows) if rows else None


def _cut(value: str) -> str:
    return value if len(value) <= SHOWN else f"{value[: SHOWN // 2]} … {value[-SHOWN // 2 :]}"
