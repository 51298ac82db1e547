"""Python values as JSON, for unit checks: what a judge hands to a student's function, and what comes back.

JSON's own values stand for themselves; the rest is an object with one key: `bytes` (hexadecimal), `tuple`, `dict` (a
list of pairs), `address` and `network` (of IPv4), `stored` (the name of an object that stays in the student's process),
`object` (class name and attributes; it only ever travels towards the judge, and is read there as `Seen`). A member of
an enumeration is an object named `Status.UP`, without attributes.
"""

import dataclasses
import enum
import math
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from typing import Any

DEEPEST = 20


class ValueTravelError(ValueError):
    """Something that is not one of these values."""


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """An object of the student's as the judge sees it: the name of its class, and its public attributes."""

    kind: str
    attributes: dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Stored:
    """An object that stays in the student's process, under this name."""

    name: str


def pack(value: object, depth: int = 0) -> Any:
    """Return `value` in JSON's terms. Objects of no known type become their class name and public attributes."""
    if depth > DEEPEST:
        raise ValueTravelError("a value is nested too deeply")
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else {"object": [str(value), []]}
        case bytes() | bytearray() | memoryview():
            return {"bytes": bytes(value).hex()}
        case list():
            return [pack(item, depth + 1) for item in value]
        case tuple():
            return {"tuple": [pack(item, depth + 1) for item in value]}
        case dict():
            return {"dict": [[pack(key, depth + 1), pack(item, depth + 1)] for key, item in value.items()]}
        case IPv4Address():
            return {"address": str(value)}
        case IPv4Network():
            return {"network": str(value)}
        case Stored(name):
            return {"stored": name}
        case enum.Enum():
            return {"object": [str(value), []]}
    public = {name: getattr(value, name) for name in _attributes(value) if not name.startswith("_")}
    return {"object": [type(value).__name__, [[name, pack(item, depth + 1)] for name, item in public.items()]]}


def _attributes(value: object) -> list[str]:
    if dataclasses.is_dataclass(value):
        return [spec.name for spec in dataclasses.fields(value)]
    return list(getattr(value, "__dict__", ()))


def unpack(packed: Any, stored: Callable[[str], Any] = Stored) -> Any:
    """The inverse of `pack`, with `stored` to look names up; raises `ValueTravelError` and nothing else."""
    try:
        return _unpack(packed, stored)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueTravelError(f"not a value: {error}") from None


def _unpack(packed: Any, stored: Callable[[str], Any]) -> Any:
    match packed:
        case None | bool() | int() | float() | str():
            return packed
        case list():
            return [_unpack(item, stored) for item in packed]
        case {"bytes": str(digits), **rest} if not rest:
            return bytes.fromhex(digits)
        case {"tuple": list(items), **rest} if not rest:
            return tuple(_unpack(item, stored) for item in items)
        case {"dict": list(pairs), **rest} if not rest:
            return {_unpack(key, stored): _unpack(item, stored) for key, item in pairs}
        case {"address": str(text), **rest} if not rest:
            return IPv4Address(text)
        case {"network": str(text), **rest} if not rest:
            return IPv4Network(text)
        case {"stored": str(name), **rest} if not rest:
            return stored(name)
        case {"object": [str(kind), list(pairs)], **rest} if not rest:
            return Seen(kind, {str(name): _unpack(item, stored) for name, item in pairs})
    raise ValueTravelError(f"{str(packed)[:80]} stands for no value")
