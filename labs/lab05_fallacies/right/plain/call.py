"""The standard call: what must hold of a message stands in a table."""

import json
from dataclasses import asdict, dataclass


class CallError(Exception):
    """Bytes that are no call and no answer, or an answer to what was never asked."""


@dataclass(frozen=True, slots=True)
class Request:
    """A call."""

    id: int
    method: str
    arguments: dict[str, object]
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    id: int
    result: object = None
    error: str = ""


RULES = {
    "id": lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 1,
    "method": lambda value: isinstance(value, str) and bool(value),
    "arguments": lambda value: isinstance(value, dict),
    "identity": lambda value: isinstance(value, str),
    "error": lambda value: isinstance(value, str) and bool(value),
    "result": lambda value: True,
}
SHAPES = {"method": (Request, {"id", "method", "arguments"}), "result": (Reply, {"id", "result"})}
SHAPES["error"] = (Reply, {"id", "error"})


def encode(said: Request | Reply) -> bytes:
    members = asdict(said)
    if isinstance(said, Request) and not said.identity:
        del members["identity"]
    if isinstance(said, Reply):
        del members["result" if said.error else "error"]
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def parse(data: bytes) -> Request | Reply:
    try:
        members = json.loads(str(data, "utf-8"))
        json.dumps(members, ensure_ascii=False, allow_nan=False).encode("utf-8")
        if not isinstance(members, dict):
            raise ValueError("no object")
        (kind,) = members.keys() & SHAPES.keys()
        made, needed = SHAPES[kind]
        if needed - members.keys():
            raise ValueError(f"{needed - members.keys()} missing")
        known = needed | ({"identity"} & members.keys() if made is Request else set())
        for name in known:
            if not RULES[name](members[name]):
                raise ValueError(f"{name} is wrong")
    except (ValueError, RecursionError) as error:
        raise CallError(str(error)) from error
    return made(**{name: members[name] for name in known})


class Calls:
    """A list of all calls ever made: None once they are answered."""

    def __init__(self) -> None:
        self._calls: list[str | None] = []

    def begin(self, method, arguments, identity="") -> Request:
        self._calls.append("waited for")
        return Request(len(self._calls), method, arguments, identity)

    def _is_under_way(self, number) -> bool:
        return 1 <= number <= len(self._calls) and self._calls[number - 1] is not None

    def give_up(self, number) -> None:
        if self._is_under_way(number):
            self._calls[number - 1] = "given up"

    def finish(self, reply) -> bool:
        if not self._is_under_way(reply.id):
            raise CallError("not under way")
        state, self._calls[reply.id - 1] = self._calls[reply.id - 1], None
        return state == "waited for"

    def waiting(self) -> list[int]:
        return [number for number, state in enumerate(self._calls, 1) if state == "waited for"]
