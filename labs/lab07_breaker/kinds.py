"""What travels in this lab: calls and their answers, over HTTP, and what TCP says besides."""

from labs.story import packets
from labs.story.packets import fields

__all__ = ["classify", "describe", "fields", "spoken"]

_BEGINNINGS = {b"POST ": "call", b"HTTP/1.1 ": "answer"}
_TOLD = (b"grpc-timeout:", b"idempotency-key:")


def classify(frame: bytes) -> str:
    """`call` or `answer` for a segment that begins one, else a kind of `labs.story.packets`."""
    kind = packets.classify(frame)
    if kind != "data":
        return kind
    payload = spoken(frame)
    return next((name for beginning, name in _BEGINNINGS.items() if payload.startswith(beginning)), kind)


def describe(frame: bytes) -> str:
    """The frame in one line: of a call, what is asked for, how much time is left, and the body."""
    if classify(frame) not in _BEGINNINGS.values():
        return packets.describe(frame)
    head, _, body = spoken(frame).partition(b"\r\n\r\n")
    first, *headers = head.split(b"\r\n")
    told = [first.removesuffix(b" HTTP/1.1"), *(line for line in headers if line.lower().startswith(_TOLD)), body]
    return ", ".join(each.decode("utf-8", "replace") for each in told if each)


def spoken(frame: bytes) -> bytes:
    """The bytes of the stream that a frame carries."""
    places = [(at, length) for name, at, length, _ in fields(frame) if name == "payload"]
    return b"".join(frame[at : at + length] for at, length in places)
