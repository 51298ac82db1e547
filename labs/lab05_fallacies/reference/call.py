"""The standard call: a method of another program is called as if it were here, and it is not.

A request says which call it is (`id`), what is called, and with which arguments; a reply says which call it answers,
and has a result or an error. The number is what makes a connection more than a telephone: any number of calls may be
under way on it, and answers come in any order. Each message is JSON, in UTF-8, without blanks, its members in the order
in which they stand below.

What always holds: an id is given out once on a connection; each call is answered at most once; whatever bytes come,
nothing but `CallError` is raised. Members that nobody knows are passed over, so that the next version may add some.
"""

import json
from dataclasses import dataclass, field


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
        members = {"id": said.id, "method": said.method, "arguments": said.arguments}
        members |= {"identity": said.identity} if said.identity else {}
    else:
        members = {"id": said.id} | ({"error": said.error} if said.error else {"result": said.result})
    return _written(members)


def parse(data: bytes) -> Request | Reply:
    """Return the request or the reply that `data` holds; raises `CallError` for anything else."""
    try:
        members = json.loads(data.decode())
        _written(members)  # Python also reads NaN, and half a letter, which nobody could be told of
    except (ValueError, RecursionError) as error:
        raise CallError(f"this is no JSON in UTF-8: {error}") from None
    match members:
        case {"method": _, "result": _} | {"method": _, "error": _} | {"result": _, "error": _}:
            raise CallError("a message is a request, or has a result, or an error; this one is two of them")
        case {"id": int(number), "method": str(method), "arguments": dict(arguments)}:
            identity = members.get("identity", "")
            if method and isinstance(identity, str):
                return Request(_counted(number), method, arguments, identity)
        case {"id": int(number), "result": result}:
            return Reply(_counted(number), result)
        case {"id": int(number), "error": str(error)} if error:
            return Reply(_counted(number), error=error)
    raise CallError("this is JSON, and neither a request nor a reply")


def _written(members: object) -> bytes:
    """The bytes of what JSON can say; raises `ValueError` for anything else."""
    return json.dumps(members, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _counted(number: int) -> int:
    if isinstance(number, bool) or number < 1:
        raise CallError(f"{number} is no number of a call: they begin with 1")
    return number


@dataclass(slots=True)
class Calls:
    """The calls of one connection, on the side that asks: which are under way, and which of them nobody waits for."""

    _last: int = 0
    _waited_for: dict[int, bool] = field(default_factory=dict)

    def begin(self, method: str, arguments: dict[str, object], identity: str = "") -> Request:
        """Return the next request; its call is under way from now on."""
        self._last += 1
        self._waited_for[self._last] = True
        return Request(self._last, method, arguments, identity)

    def give_up(self, number: int) -> None:
        """Nobody waits for this call any more; its answer may still come."""
        if number in self._waited_for:
            self._waited_for[number] = False

    def finish(self, reply: Reply) -> bool:
        """A reply has come: whether somebody waits for it. Raises `CallError` where no such call is under way."""
        if reply.id not in self._waited_for:
            raise CallError(f"an answer to call {reply.id}, which is not under way")
        return self._waited_for.pop(reply.id)

    def waiting(self) -> list[int]:
        """The calls under way that somebody waits for, oldest first."""
        return [number for number, waited_for in self._waited_for.items() if waited_for]
