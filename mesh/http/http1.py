"""HTTP/1.1 on the wire (RFC 9112): bytes in, messages out, and back. Pure; the parsing proper is llhttp's (httptools).

A `Reader` is fed whatever has come, and returns the messages that are complete; so it does not matter how the network
has cut them. What is unbounded in the protocol is bounded here by `Limits`. A message that could be read in two ways is
refused, as whoever stands behind us might read it the other way (RFC 9112, 11.2, request smuggling).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import httptools

from mesh.http.limits import Limits
from mesh.http.message import NO_BODY, NO_HEADERS, Headers, HttpError, Request, Response

HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
"""RFC 9110 (7.6.1): of this connection only; never passed on."""

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

Message = TypeVar("Message", Request, Response)


@dataclass(slots=True)
class _Collected:
    """What llhttp has told of the message that it reads now."""

    target: bytes = b""
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: list[bytes] = field(default_factory=list)
    size: int = 0
    head: int = 0
    in_body: bool = False


class _Reader(Generic[Message]):
    """What reading requests and responses have in common: the callbacks of llhttp, and the limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._now = _Collected()
        self._done: list[Message] = []
        self._refused: HttpError | None = None
        self._reading = False
        self.keeps_alive = True
        """Whether the connection can be used again after the last message."""

    @property
    def is_inside(self) -> bool:
        """Whether a message has begun and is not complete."""
        return self._reading

    @property
    def is_in_body(self) -> bool:
        """Whether the headers of the present message are complete."""
        return self._reading and self._now.in_body

    def _feed(self, parse: Callable[[bytes], object], data: bytes) -> list[Message]:
        try:
            parse(data)
        except httptools.HttpParserUpgrade:
            raise HttpError("this server changes to no other protocol", status=501) from None
        except httptools.HttpParserError as error:
            raise self._refused or HttpError(f"not HTTP: {error}") from None
        self._count_head(len(data))
        done, self._done = self._done, []
        return done

    def _count_head(self, count: int) -> None:
        """What llhttp keeps of a line that has no end yet is told to nobody, but counts."""
        if self._reading and not self._now.in_body:
            self._now.head += count
            if self._now.head > self._limits.head:
                raise HttpError("a head without end", status=431)

    def _refuse(self, text: str, status: int) -> None:
        self._refused = HttpError(text, status=status)
        raise self._refused

    # What llhttp calls

    def on_message_begin(self) -> None:
        self._now, self._reading = _Collected(), True

    def on_url(self, url: bytes) -> None:
        self._now.target += url
        if len(self._now.target) > self._limits.head:
            self._refuse("a target too long", 414)

    def on_header(self, name: bytes, value: bytes) -> None:
        now = self._now
        now.size += len(name) + len(value)
        if now.size > self._limits.head or len(now.fields) >= self._limits.headers:
            self._refuse("too many headers, or too long ones", 431)
        now.fields.append((name.decode("ascii").lower(), value.decode("latin-1").strip(" \t")))

    def on_headers_complete(self) -> None:
        self._now.in_body, self._now.size = True, 0
        lengths = [value for name, value in self._now.fields if name == "content-length"]
        if lengths and lengths[0].isdigit() and int(lengths[0]) > self._limits.body:
            self._refuse("a body too long", 413)

    def on_body(self, body: bytes) -> None:
        self._now.size += len(body)
        if self._now.size > self._limits.body:
            self._refuse("a body too long", 413)
        self._now.body.append(body)


class RequestReader(_Reader[Request]):
    """Reads what a client sends."""

    def __init__(self, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
        super().__init__(limits)
        self._parser = httptools.HttpRequestParser(self)

    def feed(self, data: bytes) -> list[Request]:
        """Return the requests that `data` completes; raises `HttpError`, and is of no more use then."""
        return self._feed(self._parser.feed_data, data)

    def on_message_complete(self) -> None:
        now, headers = self._now, Headers(tuple(self._now.fields))
        if self._parser.get_http_version() == "1.1" and [name for name, _ in now.fields].count("host") != 1:
            self._refuse("a request has exactly one Host (RFC 9112, 3.2)", 400)
        self.keeps_alive = self._parser.should_keep_alive()
        method, target = self._parser.get_method().decode("ascii"), now.target.decode("latin-1")
        self._done.append(Request(method, target, headers.get("host"), headers.without(["host"]), b"".join(now.body)))
        self._reading = False


class ResponseReader(_Reader[Response]):
    """Reads what a server sends. Which request an answer is for must be known: the answer to HEAD has no body."""

    def __init__(self, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
        super().__init__(limits)
        self._parser = httptools.HttpResponseParser(self)
        self._until_end = False
        self._to_head = False

    def expect_answer_to_head(self) -> None:
        """The next response ends with its headers, whatever they say; llhttp, unknowing, reads no other after it."""
        self._to_head = True

    def feed(self, data: bytes) -> list[Response]:
        """Return the responses that `data` completes; raises `HttpError`, and is of no more use then."""
        return [response for response in self._feed(self._parser.feed_data, data) if response.status >= 200]

    def feed_end(self) -> list[Response]:
        """The server has closed, which ends a body of no known length; raises `HttpError` if it ends anything else."""
        if not self._reading:
            return []
        if not self._until_end:
            raise HttpError("the connection ended in the middle of a response", status=502)
        self.on_message_complete()
        done, self._done = self._done, []
        return done

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        names = {name for name, _ in self._now.fields}
        status = self._parser.get_status_code()
        has_end = {"content-length", "transfer-encoding"} & names or status in NO_BODY or status < 200
        self._until_end = not has_end
        if self._to_head and status >= 200:
            self.on_message_complete()

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        self.keeps_alive = self._parser.should_keep_alive() and not (self._until_end or self._to_head)
        self._done.append(Response(status, Headers(tuple(self._now.fields)), b"".join(self._now.body)))
        self._reading = False


def build_request(request: Request) -> bytes:
    """The request's bytes. Raises `HttpError` for what would not be one request (RFC 9112, 11)."""
    if not request.method or not _TOKEN.issuperset(request.method):
        raise HttpError(f"{request.method!r} is no method")
    if not request.target or not request.target.isascii() or any(mark in request.target for mark in " \r\n\t\0"):
        raise HttpError(f"{request.target!r} is no target")
    headers = request.headers.without((*HOP_BY_HOP, "content-length", "host"))
    lines = [f"{request.method} {request.target} HTTP/1.1", f"host: {_checked('host', request.authority)}"]
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        headers = headers.with_("content-length", str(len(request.body)))
    return _head(lines, headers) + request.body


def build_response(response: Response, *, close: bool = False, to_head: bool = False) -> bytes:
    """The response's bytes; `to_head` leaves the body out, `close` says that nothing follows. Raises `HttpError`."""
    headers = response.headers.without((*HOP_BY_HOP, "content-length"))
    if response.status not in NO_BODY:
        headers = headers.with_("content-length", str(len(response.body)))
    if close:
        headers = headers.with_("connection", "close")
    body = b"" if to_head or response.status in NO_BODY else response.body
    return _head([f"HTTP/1.1 {response.status:03d} {response.reason}"], headers) + body


def _head(lines: list[str], headers: Headers = NO_HEADERS) -> bytes:
    lines += [f"{name}: {_checked(name, value)}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


def _checked(name: str, value: str) -> str:
    if not name or not _TOKEN.issuperset(name):
        raise HttpError(f"{name!r} is no name of a header")
    if "\r" in value or "\n" in value or "\0" in value:
        raise HttpError(f"the header {name} breaks its line")
    return value
