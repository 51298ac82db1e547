"""The ends that the judge plays itself: bytes on a TCP connection, typed by it and read by it."""

from typing import Any

from labs.story.trace import Trace
from labs.testbed.scene import Program

LENGTH = 4


def encoded(payload: bytes) -> bytes:
    """A message on a stream, as the handout says."""
    return len(payload).to_bytes(LENGTH, "big") + payload


def typing(host: str, *, name: str = "line", port: int, **arguments: Any) -> Program:
    """A bare connection, with its application port of the same `name`: to `connect`, or else waiting to be called."""
    return Program(host=host, file="socket_end.py", name=name, arguments={"port": port, "at": name, **arguments})


def heard(trace: Trace, host: str, name: str = "line") -> bytes:
    """All that came to such a connection."""
    return b"".join(trace.delivered(host, name))
