"""The ends that the judge plays: calls and answers typed on a bare connection, and what came back."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from labs.lab04_stack.peers import LENGTH, encoded, heard, typing
from labs.story.trace import Trace
from labs.testbed.scene import Offering

__all__ = ["encoded", "heard", "messages_in", "offering", "replying", "requesting", "said", "typing"]


def said(members: dict[str, Any]) -> bytes:
    """A call or an answer as the handout says: JSON in UTF-8, without blanks."""
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()


def requesting(number: int, method: str, arguments: dict[str, Any], **more: Any) -> bytes:
    """The stream's bytes of a request."""
    return encoded(said({"id": number, "method": method, "arguments": arguments, **more}))


def replying(number: int, **more: Any) -> bytes:
    """The stream's bytes of a reply, with its `result` or its `error`."""
    return encoded(said({"id": number, **more}))


def offering(*pieces: tuple[int, bytes]) -> tuple[Offering, ...]:
    """What is typed, and when (ns)."""
    return tuple(Offering(piece, at) for at, piece in pieces)


def messages_in(stream: bytes) -> Iterator[bytes]:
    """The whole messages of a stream; it may be a student's, and end anywhere."""
    while len(stream) >= LENGTH and len(stream) >= (end := LENGTH + int.from_bytes(stream[:LENGTH], "big")):
        yield stream[LENGTH:end]
        stream = stream[end:]


def members_of(messages: Iterable[bytes]) -> list[dict[str, Any]]:
    """The JSON objects among messages, which may be a student's."""
    found = []
    for message in messages:
        try:
            members = json.loads(message)
        except (ValueError, RecursionError):
            continue
        if isinstance(members, dict):
            found.append(members)
    return found


def answers(trace: Trace, host: str, name: str = "line") -> list[dict[str, Any]]:
    """What came back to such a connection, message by message."""
    return members_of(messages_in(heard(trace, host, name)))
