"""What travels in this lab: data, acknowledgements with or without credit, and probes.

The format is that of the handout; the tests hold this file against `netstack.flow.messages`.
"""

from collections.abc import Iterator

ETHERTYPE = 0x88B5
HEADERS = 24
LONGEST_SHOWN = 32  # characters of a payload in one line
KINDS = {1: "data", 2: "ack", 3: "probe"}

Field = tuple[str, int, int, str]
"""A field's name, the place of its first byte in the frame, its length in bytes, and its value in words."""


def classify(frame: bytes) -> str:
    """Return `data`, `ack`, `probe`; `zero` for an acknowledgement without credit; `other` for what is not ours."""
    if int.from_bytes(frame[12:14], "big") != ETHERTYPE or len(frame) < HEADERS + _number(frame, 22, 2):
        return "other"
    kind = KINDS.get(frame[14], "other")
    return "zero" if kind == "ack" and not _number(frame, 20, 2) else kind


def classify_without_credit(frame: bytes) -> str:
    """The same, for steps in which nobody gives credit."""
    kind = classify(frame)
    return "ack" if kind == "zero" else kind


def _number(frame: bytes, place: int, length: int) -> int:
    return int.from_bytes(frame[place : place + length], "big")


def fields(frame: bytes) -> list[Field]:
    """Dissect any bytes for display: every byte of `frame` lies in exactly one field."""
    return list(_fields(frame))


def _fields(frame: bytes) -> Iterator[Field]:
    layout = [("destination", 6), ("source", 6), ("type", 2)]
    if classify(frame) == "other":
        layout += [("data", len(frame))]
    else:
        layout += [("kind", 1), ("flow", 1), ("number", 4), ("credit", 2), ("length", 2)]
        layout += [("payload", _number(frame, 22, 2)), ("padding", len(frame))]
    place = 0
    for name, length in layout:
        value = frame[place : place + length]
        if value:
            yield name, place, len(value), _value(name, value)
        place += length


def _value(name: str, value: bytes) -> str:
    match name:
        case "destination" | "source":
            return value.hex(":")
        case "type":
            return f"0x{value.hex()}"
        case "kind":
            return KINDS[value[0]]
        case "flow" | "number" | "credit" | "length":
            return str(int.from_bytes(value, "big"))
        case "padding":
            return f"{len(value)} bytes"
    return _shown(value)


def _shown(value: bytes) -> str:
    """Text where it is text, else hexadecimal; never a control character."""
    text = value.decode("utf-8", "replace")
    return repr(text) if text.isprintable() and "\ufffd" not in text else value.hex(" ")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def describe(frame: bytes) -> str:
    """The frame in one line, for `lab run` and the table of a report."""
    found = {name: value for name, _, _, value in fields(frame)}
    flow = f"flow {found['flow']}: " if found.get("flow", "0") != "0" else ""
    match classify(frame):
        case "data":
            return f"{flow}number {found['number']}, {found['length']} bytes: {_cut(found.get('payload', ''))}"
        case "ack" | "zero":
            return f"{flow}all before {found['number']} have come; room for {found['credit']} more"
        case "probe":
            return f"{flow}is there room for number {found['number']}?"
    return " ".join(value for _, _, _, value in fields(frame))
