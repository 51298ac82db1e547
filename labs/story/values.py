"""Values of a student's program as a reader can take them in: bounded, bytes in hexadecimal, differences side by side.

In a line of a story bytes stand as `<02 70 6c 00 ×38>`: repeated bytes are counted, and the middle of many is left out.
Where two strings of bytes differ, both are shown sixteen to a row, with their text beside them, about the place where
they begin to differ.
"""

import itertools
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from labs.testbed.program.values import Seen, Stored

SHOWN = 300  # characters of a value in a line
EASY = 60  # characters of a value in which a difference is seen at once
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
        return [f"it returned {shown(found)}", f"it should return {shown(expected)}", *_where(found, expected)]
    place = _first_difference(found, expected)
    return [
        *_told("it returned", found, place),
        *_told("it should return", expected, place),
        _difference(found, expected, place),
    ]


def _where(found: object, expected: object) -> Iterator[str]:
    """Where two collections differ, when they are long enough for that to be hard to see."""
    if len(shown(expected)) < EASY:
        return
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in dict.fromkeys((*found, *expected)):
            if key not in found or key not in expected or found[key] != expected[key]:
                here, there = (shown(each[key]) if key in each else "nothing" for each in (found, expected))
                yield f"they differ at {shown(key)}: {here} where {there} should be"
    elif isinstance(found, list | tuple) and isinstance(expected, list | tuple):
        for place, (here, there) in enumerate(zip(found, expected, strict=False)):
            if here != there:
                yield f"they differ from item {place} on: {shown(here)} where {shown(there)} should be"
                return
        if len(found) != len(expected):
            yield f"it has {len(found)} items where {len(expected)} should be"


def rows(data: bytes, *, around: int = 0) -> Iterator[str]:
    """Sixteen bytes to a row, with their text: the row that holds byte `around`, and a row before and after it."""
    first = max(0, around // _ROW - 1) * _ROW
    last = min(len(data), first + 3 * _ROW)
    width = 3 * min(_ROW, last - first) - 1
    for offset in range(first, last, _ROW):
        part = data[offset : min(offset + _ROW, last)]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        yield f"{part.hex(' '):<{width}}  {text}"


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
        case dict():
            return f"{{{', '.join(f'{_written(key)}: {_written(item)}' for key, item in _sorted(value))}}}"
        case IPv4Address() | IPv4Network():
            return str(value)
        case Stored(name):
            return name
        case Seen(kind, attributes) if not attributes and "." in kind:  # a member of an enumeration
            return kind
        case Seen(kind, attributes):
            return f"{kind}({', '.join(f'{name}={_written(item)}' for name, item in attributes.items())})"
    return repr(value)


def _sorted(items: Mapping[Any, object]) -> list[tuple[Any, object]]:
    """The pairs of a dictionary, by key where keys have an order: two that are equal look equal."""
    try:
        return sorted(items.items(), key=lambda pair: pair[0])
    except TypeError:
        return list(items.items())


def _hexadecimal(data: bytes) -> str:
    items: list[str] = []
    for byte, alike in itertools.groupby(data):
        count = len(list(alike))
        items += [f"{byte:02x} ×{count}"] if count >= _REPEATED else [f"{byte:02x}"] * count
    if len(items) <= _BEGINNING + _END + 4:
        return " ".join(items)
    return " ".join([*items[:_BEGINNING], "…", *items[-_END:], f"({len(data)} bytes)"])
