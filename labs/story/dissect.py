"""A frame taken apart for a reader: its bytes by field where the lab says which they are, and as a hexdump."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from labs.story.escape import plain

SHOWN = 256  # bytes of a frame; the rest is counted

Fields = Callable[[bytes], Iterable[tuple[str, int, int, object]]]
"""A lab's `kinds.fields(frame)`: each field's name, offset, length in bytes, and value."""


@dataclass(frozen=True, slots=True)
class FieldValue:
    """One field of a frame, its value in words. `before` is what it was when sent, where a wire changed it."""

    name: str
    offset: int
    length: int
    value: str
    before: str = ""


def dissect(frame: bytes, fields: Fields | None, *, sent: bytes | None = None) -> tuple[FieldValue, ...]:
    """The fields of `frame`; nothing where the lab names none. `sent` is what it was before a wire damaged it.

    A dissector reads bytes that a student chose, so one that fails says so in place of the fields.
    """
    if fields is None:
        return ()
    try:
        told = {name: plain(str(value)) for name, _, _, value in fields(sent)} if sent is not None else {}
        return tuple(
            FieldValue(plain(name), offset, length, text, before if before != text else "")
            for name, offset, length, value in fields(frame)
            for text in [plain(str(value))]
            for before in [told.get(name, text)]
        )
    except Exception as error:  # whatever it is, the report must still be written
        return (FieldValue("not readable", 0, len(frame), plain(f"{type(error).__name__}: {error}")),)


def hexdump(frame: bytes, *, most: int = SHOWN) -> Iterator[str]:
    """Lines of sixteen bytes: the offset, the bytes, and those that are printable ASCII."""
    for offset in range(0, min(len(frame), most), 16):
        part = frame[offset : min(offset + 16, most)]
        printable = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        yield f"{offset:04x}  {part.hex(' '):<47}  {printable}"
    if len(frame) > most:
        yield f"      … and {len(frame) - most} bytes more"


def differences(one: Sequence[FieldValue], other: Sequence[FieldValue]) -> Iterator[tuple[str, str, str]]:
    """The fields in which two frames differ, or that only one has: name, the one's value, the other's."""
    first, second = (dict(_counted(fields)) for fields in (one, other))
    for name in dict.fromkeys((*first, *second)):
        if first.get(name) != second.get(name):
            yield name, first.get(name, "(absent)"), second.get(name, "(absent)")


def _counted(fields: Sequence[FieldValue]) -> Iterator[tuple[str, str]]:
    """Names and values; a name that comes again is counted, as in `entry 2`."""
    seen: Counter[str] = Counter()
    for field in fields:
        seen[field.name] += 1
        yield f"{field.name} {seen[field.name]}" if seen[field.name] > 1 else field.name, field.value
