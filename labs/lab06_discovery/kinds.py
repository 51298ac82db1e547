"""What travels in this lab: calls over HTTP, each known by its method; the rest as TCP/IP has it."""

import re

from labs.story import packets
from labs.story.packets import Field

METHODS = {
    "players.Players/of": "ask",
    "registry.Registry/register": "register",
    "registry.Registry/renew": "renew",
    "registry.Registry/cancel": "cancel",
    "registry.Registry/find": "find",
}
"""What each call is called in scripts and pictures."""

ANSWERED = b"HTTP/1.1 200"
_CALL = re.compile(rb"POST /([\w.]+/\w+) HTTP/1\.1\r\n")
_BODY = re.compile(rb"\r\n\r\n(.*)", re.DOTALL)


def classify(frame: bytes) -> str:
    """`ask`, `register`, `renew`, `cancel`, `find`; `answer` and `refusal`; else TCP's names, or `arp`."""
    kind = packets.classify(frame)
    if kind != "data":
        return kind
    if called := _CALL.search(frame):
        return METHODS.get(called[1].decode(), "call")
    if b"HTTP/1.1 " in frame:
        return "answer" if ANSWERED in frame else "refusal"
    return kind


def body(frame: bytes) -> bytes:
    """What stands behind the head of a request or an answer."""
    found = _BODY.search(frame)
    return found[1] if found else b""


def describe(frame: bytes) -> str:
    """The frame in one line: of a call, its method and its arguments."""
    kind = classify(frame)
    if kind in (*METHODS.values(), "answer", "refusal"):
        return f"{kind} {body(frame).decode('utf-8', 'replace')}"
    return packets.describe(frame)


def fields(frame: bytes) -> list[Field]:
    """Every byte of the frame, field by field."""
    return packets.fields(frame)
