"""What travels in this lab: data, vectors, and nothing else of ours.

The format is that of the handout; the tests hold this file against `netstack.packet`.
"""

from collections.abc import Iterator

ETHERTYPE = 0x88B6
HEADERS = 26
ENTRY = 6
KINDS = {1: "data", 2: "vector"}

Field = tuple[str, int, int, str]
"""A field's name, the place of its first byte in the frame, its length in bytes, and its value in words."""


def classify(frame: bytes) -> str:
    """Return `data`, `vector`, or `other` for what is not ours or is cut short."""
    if _number(frame, 12, 2) != ETHERTYPE or len(frame) < HEADERS + _number(frame, 24, 2):
        return "other"
    return KINDS.get(frame[14], "other")


def _number(frame: bytes, place: int, length: int) -> int:
    return int.from_bytes(frame[place : place + length], "big")


def fields(frame: bytes) -> list[Field]:
    """Dissect any bytes for display: every byte of `frame` lies in exactly one field."""
    return list(_fields(frame))


def _fields(frame: bytes) -> Iterator[Field]:
    layout = [("destination", 6), ("source", 6), ("type", 2)]
    kind, length = classify(frame), _number(frame, 24, 2)
    if kind != "other":
        layout += [("kind", 1), ("time to live", 1), ("to", 4), ("from", 4), ("length", 2)]
        whole, rest = divmod(length, ENTRY) if kind == "vector" else (0, length)
        layout += [("entry", ENTRY)] * whole + [("payload", rest)]
    place = 0
    for name, size in [*layout, ("data" if kind == "other" else "padding", len(frame))]:
        value = frame[place : place + size]
        if value:
            yield name, place, len(value), _value(name, value)
        place += size


def _value(name: str, value: bytes) -> str:
    match name:
        case "destination" | "source":
            return value.hex(":")
        case "type":
            return f"0x{value.hex()}"
        case "kind":
            return KINDS[value[0]]
        case "time to live" | "length":
            return str(int.from_bytes(value, "big"))
        case "to" | "from":
            return _dotted(value)
        case "entry":
            return f"{_dotted(value[:4])}/{value[4]}: {value[5]}"
        case "padding":
            return f"{len(value)} bytes"
    return _shown(value)


def _dotted(value: bytes) -> str:
    return ".".join(map(str, value))


def _shown(value: bytes) -> str:
    """Text, quoted, with a stroke between its lines; hexadecimal where it is no text. Never a control character."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value.hex(" ")
    text = text.replace("\n", " / ")
    return repr(text) if text.isprintable() else value.hex(" ")


def describe(frame: bytes) -> str:
    """The frame in one line, for `lab run` and the table of a report; networks without the zeros at their end."""
    dissected = fields(frame)
    found = {name: value for name, _, _, value in dissected}
    match classify(frame):
        case "data":
            said = found.get("payload", "nothing")
            return f"{found['from']} to {found['to']}, time to live {found['time to live']}: {said}"
        case "vector":
            entries = (
                value.replace(".0.0/", "/").replace(".0/", "/") for name, _, _, value in dissected if name == "entry"
            )
            return f"reaches {', '.join(entries) or 'nothing'}"
    return " ".join(value for _, _, _, value in dissected)
