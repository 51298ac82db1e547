"""The standard call.

So far there is one call at a time, and whatever comes is taken for its answer. The handout, step 1, says what to write.
"""

import json
from dataclasses import dataclass


class CallError(Exception):
    """Bytes that are no call and no answer, or an answer to what was never asked."""


@dataclass(frozen=True, slots=True)
class Request:
    """A call. `identity` names what is meant, whichever connection carries it; "" where that does not matter."""

    id: int
    method: str
    arguments: dict[str, object]
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to the call `id`: a result, which may be None, or an `error` in words; "" is none."""

    id: int
    result: object = None
    error: str = ""


def encode(said: Request | Reply) -> bytes:
    """Return the bytes of a request or a reply."""
    if isinstance(said, Request):
        return json.dumps({"method": said.method, "arguments": said.arguments}).encode()
    return json.dumps({"result": said.result}).encode()


def parse(data: bytes) -> Request | Reply:
    """Return the request or the reply that `data` holds; raises `CallError` for anything else."""
    members = json.loads(data)
    if "method" in members:
        return Request(1, members["method"], members["arguments"])
    return Reply(1, members["result"])


class Calls:
    """The calls of one connection, on the side that asks: which are under way, and which of them nobody waits for."""

    def begin(self, method: str, arguments: dict[str, object], identity: str = "") -> Request:
        """Return the next request; its call is under way from now on."""
        return Request(1, method, arguments, identity)

    def give_up(self, number: int) -> None:
        """Nobody waits for this call any more; its answer may still come."""

    def finish(self, reply: Reply) -> bool:
        """A reply has come: whether somebody waits for it. Raises `CallError` where no such call is under way."""
        return True

    def waiting(self) -> list[int]:
        """The calls under way that somebody waits for, oldest first."""
        return []
