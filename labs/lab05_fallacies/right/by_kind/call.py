"""The standard call: first which kind of message it is, and then what must hold of that kind."""

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
    members: dict[str, object] = {"id": said.id}
    if isinstance(said, Request):
        members["method"] = said.method
        members["arguments"] = said.arguments
        if said.identity:
            members["identity"] = said.identity
    elif said.error:
        members["error"] = said.error
    else:
        members["result"] = said.result
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()


def parse(data: bytes) -> Request | Reply:
    """Return the request or the reply that `data` holds; raises `CallError` for anything else."""
    try:
        members = json.loads(data.decode())
        json.dumps(members, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise CallError(f"no JSON: {error}") from error
    if not isinstance(members, dict):
        raise CallError("no object")
    number = members.get("id")
    if type(number) is not int or number < 1:
        raise CallError(f"no id: {number!r}")
    if len({"method", "result", "error"} & members.keys()) != 1:
        raise CallError("neither a request nor a reply")
    if "method" in members:
        return _request(number, members)
    if "error" in members:
        if not isinstance(members["error"], str) or not members["error"]:
            raise CallError("the error is no text")
        return Reply(number, error=members["error"])
    return Reply(number, members["result"])


def _request(number: int, members: dict[str, object]) -> Request:
    method, arguments, identity = members["method"], members.get("arguments"), members.get("identity", "")
    if not isinstance(method, str) or not method:
        raise CallError("the method is no text")
    if not isinstance(arguments, dict):
        raise CallError("the arguments are no object")
    if not isinstance(identity, str):
        raise CallError("the identity is no text")
    return Request(number, method, arguments, identity)


class Calls:
    """The calls of one connection, on the side that asks: which are under way, and which of them nobody waits for."""

    def __init__(self) -> None:
        self._last = 0
        self._under_way: dict[int, bool] = {}  # by id: does somebody wait for it?

    def begin(self, method: str, arguments: dict[str, object], identity: str = "") -> Request:
        """Return the next request; its call is under way from now on."""
        self._last += 1
        self._under_way[self._last] = True
        return Request(self._last, method, arguments, identity)

    def give_up(self, number: int) -> None:
        """Nobody waits for this call any more; its answer may still come."""
        if number in self._under_way:
            self._under_way[number] = False

    def finish(self, reply: Reply) -> bool:
        """A reply has come: whether somebody waits for it. Raises `CallError` where no such call is under way."""
        if reply.id not in self._under_way:
            raise CallError(f"nobody has asked {reply.id}")
        return self._under_way.pop(reply.id)

    def waiting(self) -> list[int]:
        """The calls under way that somebody waits for, oldest first."""
        return [number for number, is_waiting in self._under_way.items() if is_waiting]
