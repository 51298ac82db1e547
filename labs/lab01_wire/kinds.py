"""What travels in this lab: pieces of a serial line, bare messages on Ethernet, and the four kinds of step 4 onwards.

The formats are those of the handout; the tests hold this file against `netstack` and against scapy.
"""

import re
from collections.abc import Iterator

ETHERTYPE = 0x88B5
ETHERNET_HEADER = 14
KINDS = {1: "who-has", 2: "I-am", 3: "ask", 4: "answer"}
NAME_LENGTH = 16

Field = tuple[str, int, int, str]
"""A field's name, the place of its first byte in the frame, its length in bytes, and its value in words."""


def classify_piece(frame: bytes) -> str:
    """The kind of what a serial line carries at a time: there is only one."""
    return "piece"


def classify(frame: bytes) -> str:
    """Return `who-has`, `I-am`, `ask`, `answer`; `bare` for ours without any of these; `other` for what is not ours."""
    if int.from_bytes(frame[12:14], "big") != ETHERTYPE or len(frame) < ETHERNET_HEADER:
        return "other"
    message = frame[ETHERNET_HEADER:]
    kind = KINDS.get(message[0], "bare") if message else "bare"
    whole = len(message) > NAME_LENGTH if kind in ("who-has", "I-am") else len(message) >= 4 + _length(message)
    return kind if whole else "bare"


def _length(message: bytes) -> int:
    return int.from_bytes(message[2:4], "big")


def fields(frame: bytes) -> list[Field]:
    """Dissect any bytes for display: every byte of `frame` lies in exactly one field."""
    return list(_serial(frame) if classify(frame) == "other" and len(frame) <= 16 else _ethernet(frame))


_RUN = re.compile(rb"(?P<flag>\x7e)|(?P<escape>\x7d.?)|(?P<text>[ -|]+)|(?P<bytes>[^ -~]+)", re.DOTALL)


def _serial(piece: bytes) -> Iterator[Field]:
    """Flags, escapes, and runs of bytes that are ASCII text or not."""
    for run in _RUN.finditer(piece):
        value = f"'{run[0].decode('ascii')}'" if run.lastgroup == "text" else run[0].hex(" ")
        yield str(run.lastgroup), run.start(), len(run[0]), value


def _ethernet(frame: bytes) -> Iterator[Field]:
    header = [("destination", 6), ("source", 6), ("type", 2)]
    match classify(frame):
        case "who-has" | "I-am":
            header += [("kind", 1), ("name", NAME_LENGTH)]
        case "ask" | "answer":
            header += [("kind", 1), ("conversation", 1), ("length", 2), ("data", _length(frame[ETHERNET_HEADER:]))]
        case _:
            header += [("data", len(frame))]
    place = 0
    for name, length in [*header, ("padding", len(frame))]:
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
        case "conversation" | "length":
            return str(int.from_bytes(value, "big"))
        case "name":
            return _shown(value.rstrip(b"\0"))
        case "padding":
            return f"{len(value)} bytes"
    return _shown(value)


def _shown(value: bytes) -> str:
    """Text, quoted, with a stroke between its lines; hexadecimal where it is no text. Never a control character."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value.hex(" ")
    text = text.replace("\n", " / ")
    return repr(text) if text.isprintable() else value.hex(" ")


def describe(frame: bytes) -> str:
    """The frame in one line, for `lab run` and the table of a report."""
    found = {name: value for name, _, _, value in fields(frame)}
    match classify(frame):
        case "who-has":
            return f"{found['source']} asks everybody: who has the name {found['name']}?"
        case "I-am":
            return f"{found['source']} tells {found['destination']}: I am {found['name']}"
        case "ask" | "answer" as kind:
            said = found.get("data", "nothing")
            return f"{kind}, conversation {found['conversation']}, {found['length']} bytes: {said}"
        case "bare":
            return f"{found['source']} to {found['destination']}: {found.get('data', 'nothing')}"
    return " ".join(value for _, _, _, value in fields(frame))
