"""Requests and responses, as values: what HTTP/1.1 and HTTP/2 have in common (RFC 9110).

Names of headers are lower case, as HTTP/2 wants them and HTTP/1.1 does not mind. Bodies are whole: calls between
services are small, and `Limits` bounds them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus


class HttpError(ValueError):
    """Bytes, or a message, that HTTP does not allow. `status` is what a server answers to it."""

    def __init__(self, text: str, *, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}
"""RFC 9110 (9.2.2): whoever sends one of these twice has asked for the same as once."""

NO_BODY = {204, 304}


@dataclass(frozen=True, slots=True)
class Headers:
    """Headers in their order. Several of one name may be there; `get` returns them joined, as RFC 9110 (5.3) has it."""

    fields: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, **fields: str) -> "Headers":
        """From keywords: `content_type="text/plain"`."""
        return cls(tuple((name.replace("_", "-").lower(), value) for name, value in fields.items()))

    def get(self, name: str, default: str = "") -> str:
        """The value of `name`, in lower case here; several joined by commas."""
        found = [value for key, value in self.fields if key == name]
        return ", ".join(found) if found else default

    def with_(self, name: str, value: str) -> "Headers":
        """These, with `name` set to `value` instead of whatever it was."""
        return Headers((*((key, old) for key, old in self.fields if key != name), (name, value)))

    def without(self, names: Iterable[str]) -> "Headers":
        """These, without some."""
        gone = set(names)
        return Headers(tuple(pair for pair in self.fields if pair[0] not in gone))

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self.fields)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)


NO_HEADERS = Headers()


@dataclass(frozen=True, slots=True)
class Request:
    """`target` is the path with its query; `authority` is whom it is for, HTTP/1.1's Host."""

    method: str
    target: str
    authority: str = ""
    headers: Headers = NO_HEADERS
    body: bytes = b""
    trailers: Headers = field(default=NO_HEADERS)

    @property
    def is_idempotent(self) -> bool:
        """Whether it may be made again without asking: by its method, or because it has a key for that."""
        return self.method in IDEMPOTENT or "idempotency-key" in self.headers


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. `trailers` come behind the body; gRPC says there how a call went."""

    status: int
    headers: Headers = NO_HEADERS
    body: bytes = b""
    trailers: Headers = field(default=NO_HEADERS)

    @property
    def reason(self) -> str:
        """The phrase that goes with the status."""
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return "Unknown"


def text(status: int, words: str) -> Response:
    """A response of plain words, for people."""
    return Response(status, Headers.of(content_type="text/plain; charset=utf-8"), words.encode())
