"""What travels in this lab: calls over HTTP, each known by its method; the rest as TCP/IP has it."""

import json
import re

from labs.story import packets
from labs.story.packets import Field

CALLED = (
    ("ask", rb"POST /players\.Players/of "),
    ("register", rb"PUT /services/\w+/[\w.-]+ "),
    ("renew", rb"PUT /services/\w+/[\w.-]+/heartbeat "),
    ("status", rb"PUT /services/\w+/[\w.-]+/status "),
    ("cancel", rb"DELETE /services/\w+/[\w.-]+ "),
    ("find", rb"GET /services/\w+[ ?]"),
)
"""What each request is called in scripts and pictures."""

_REQUESTS = tuple((kind, re.compile(pattern + rb".*HTTP/1\.1\r\n")) for kind, pattern in CALLED)
_ANSWER = re.compile(rb"HTTP/1\.1 (\d)")
_HEAD = re.compile(rb"(?:(?:GET|PUT|POST|DELETE) /\S*|HTTP/1\.1 \d+)")
_BODY = re.compile(rb"\r\n\r\n(.*)", re.DOTALL)


def classify(frame: bytes) -> str:
    """`ask`, `register`, `renew`, `status`, `cancel`, `find`; `answer`, `refusal`; else TCP's names, or `arp`."""
    kind = packets.classify(frame)
    if kind != "data":
        return kind
    if answered := _ANSWER.search(frame):
        return "answer" if answered[1] == b"2" else "refusal"
    return next((name for name, pattern in _REQUESTS if pattern.search(frame)), kind)


def head(frame: bytes) -> str:
    """The method and the path of a request, or the status of an answer; "" for what is neither."""
    found = _HEAD.search(frame)
    return found[0].decode("ascii", "replace") if found else ""


def body(frame: bytes) -> bytes:
    """What stands behind the head of a request or an answer."""
    found = _BODY.search(frame)
    return found[1] if found else b""


def describe(frame: bytes) -> str:
    """The frame in one line: of a request or an answer, its head and what it says."""
    if classify(frame) in (*(kind for kind, _ in CALLED), "answer", "refusal"):
        return f"{head(frame)} {_told(body(frame))}".strip()
    return packets.describe(frame)


def _told(said: bytes) -> str:
    """A body in words; of instances that were found, their names."""
    try:
        instances = json.loads(said)["instances"]
        return f"[{', '.join(str(each['name']) for each in instances)}]"
    except (ValueError, TypeError, KeyError, RecursionError):
        return said.decode("utf-8", "replace")


def fields(frame: bytes) -> list[Field]:
    """Every byte of the frame, field by field."""
    return packets.fields(frame)
