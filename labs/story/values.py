"""Values of a student's program as a reader can take them in: bounded, bytes in hexadecimal, differences side by side.

In a line of a story bytes stand as `<02 70 6c 00 ×38>`: repeated bytes are counted, and the middle of many is left out.
Where two strings of bytes differ, both are shown sixteen to a row, with their text beside them, about the place where
they begin to differ.
"""

import itertools
from collections.abc import Iterator, Mapping

from labs.testbed.program.values import Seen

SHOWN = 300  # characters of a value in a line
_FEW = 8  # bytes that need no rows of their own
_ROW = 16
_BEGINNING, _END = 12, 4  # items shown of many bytes
_REPEATED = 4  # times, from which on a byte is counted


def shown(value: object) -> str:
    """A value on one line: written out, and bounded."""
    text = _written(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN // 2]} … {text[-SHOWN // 2 :]} ({len(text)} characters)"


def written_out(value: object) -> str:
    """A value with room for it: bytes sixteen to a row, anything else on one line."""
    if isinstance(value, bytes) and len(value) > _FEW:
        return "\n".join(_told("", value, 0)).lstrip()
    return shown(value)


def side_by_side(found: object, expected: object) -> list[str]:
    """Lines that tell what was returned and what should have been, and where two strings of bytes begin to differ."""
    if not (isinstance(found, bytes) and isinstance(expected, bytes)):
        return [f"it returned {shown(found)}", f"it should return {shown(expected)}"]
    place = _first_difference(found, expected)
    return [
        *_told("it returned", found, place),
        *_told("it should return", expected, place),
        _difference(found, expected, place),
    ]


def rows(data: bytes, *, around: int = 0) -> Iterator[str]:
    """Sixteen bytes to a row, with their text: the row that holds byte `around`, and a row before and after it."""
    first = max(0, around // _ROW - 1) * _ROW
    last = min(len(data), first + 3 * _ROW)
    for offset in range(first, last, _ROW):
        part = data[offset : min(offset + _ROW, last)]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        yield f"{part.hex(' '):<47}  {text}"


def _told(label: str, data: bytes, place: int) -> Iterator[str]:
    if len(data) <= _FEW:
        yield f"{label} {shown(data)}"
        return
    drawn = list(rows(data, around=place))
    begin = max(0, place // _ROW - 1) * _ROW
    where = f"{len(data)} bytes" if len(drawn) * _ROW >= len(data) else f"{len(data)} bytes; from byte {begin} on"
    yield f"{label} {where}:"
    yield from (f"  {row}" for row in drawn)


def _first_difference(found: bytes, expected: bytes) -> int:
    pairs = enumerate(zip(found, expected, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(found), len(expected)))


def _difference(found: bytes, expected: bytes, place: int) -> str:
    if place < min(len(found), len(expected)):
        return f"they differ from byte {place} on: {found[place]:02x} where {expected[place]:02x} should be"
    return f"it has {len(found)} bytes where {len(expected)} should be"


def _written(value: object) -> str:
    """Like `repr`, but bytes that are no text are hexadecimal, as in the handouts."""
    match value:
        case bytes() if not (value.isascii() and value.decode("ascii").isprintable()):
            return f"<{_hexadecimal(value)}>"
        case list():
            return f"[{', '.join(map(_written, value))}]"
        case tuple():
            return f"({', '.join(map(_written, value))})"
        case Seen(kind, attributes):
            return f"{kind}({_listed(attributes)})"
    return repr(value)


def _listed(attributes: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={shown(value)}" for name, value in attributes.items())


def _hexadecimal(data: bytes) -> str:
    items: list[str] = []
    for byte, alike in itertools.groupby(data):
        count = len(list(alike))
        items += [f"{byte:02x} ×{count}"] if count >= _REPEATED else [f"{byte:02x}"] * count
    if len(items) <= _BEGINNING + _END + 4:
        return " ".join(items)
    return " ".join([*items[:_BEGINNING], "…", *items[-_END:], f"({len(data)} bytes)"])
