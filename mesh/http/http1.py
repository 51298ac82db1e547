"""HTTP/1.1 on the wire (RFC 9112): bytes in, messages out, and back. Pure; the parsing proper is llhttp's (httptools).

A `Reader` is fed whatever has come, and returns the messages that are complete; so it does not matter how the network
has cut them. What is unbounded in the protocol is bounded here by `Limits`. A message that could be read in two ways is
refused, as whoever stands behind us might read it the other way (RFC 9112, 11.2, request smuggling).
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import lru_cache
from typing import Generic, NoReturn, TypeVar

import httptools

from mesh.http.limits import Limits
from mesh.http.message import NO_BODY, NO_HEADERS, Headers, HttpError, Request, Response

HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
"""RFC 9110 (7.6.1): of this connection only; never passed on."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
"""What a client waits for before it sends a body, if it has said so (RFC 9110, 10.1.1)."""

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

Message = TypeVar("Message", Request, Response)


class _Reader(Generic[Message]):
    """What reading requests and responses have in common: the callbacks of llhttp, and the limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._done: list[Message] = []
        self._refused: HttpError | None = None
        self.failure: HttpError | None = None
        """Why nothing more can be read; messages that came before it are good."""
        self.keeps_alive = True
        """Whether the connection can be used again after the last message."""
        self.is_inside = False
        """Whether a message has begun and is not complete."""
        self.is_in_body = False
        """Whether the headers of the present message are complete."""
        self.on_message_begin()
        self.is_inside = False

    def _feed(self, parse: Callable[[bytes], object], data: bytes) -> list[Message]:
        if self.failure:
            raise self.failure
        try:
            parse(data)
        except httptools.HttpParserUpgrade:
            # RFC 9110 (7.8): to ignore the wish is an answer too. What follows might be in another protocol.
            self.keeps_alive, self.failure = False, HttpError("this side changes to no other protocol", status=501)
        except httptools.HttpParserError as error:
            self.failure = self._refused or HttpError(f"not HTTP: {error}")
        done, self._done = self._done, []
        if not done:
            self._count_head(len(data))
            if self.failure:
                raise self.failure from None
        return done

    def _count_head(self, count: int) -> None:
        """What llhttp keeps of a line that has no end yet is told to nobody, but counts."""
        if self.is_inside and not self.is_in_body:
            self._head += count
            if self._head > self._limits.head:
                self.failure = HttpError("a head without end", status=431)

    def _refuse(self, text: str, status: int) -> NoReturn:
        self._refused = HttpError(text, status=status)
        raise self._refused

    # What llhttp calls

    def on_message_begin(self) -> None:
        self.is_inside, self.is_in_body = True, False
        self._target = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._trailers: list[tuple[bytes, bytes]] = []
        self._headers = NO_HEADERS
        self._body: list[bytes] = []
        self._head = self._header_bytes = self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._target += url
        if len(self._target) > self._limits.head:
            self._refuse("a target too long", 414)

    def on_header(self, name: bytes, value: bytes) -> None:
        fields = self._trailers if self.is_in_body else self._fields
        fields.append((name, value))
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > self._limits.head or len(fields) > self._limits.headers:
            self._refuse("too many headers, or too long ones", 431)

    def on_headers_complete(self) -> None:
        self.is_in_body = True
        self._headers = _decoded(self._fields)
        for name, value in self._headers.fields:
            if name == "content-length" and int(value) > self._limits.body:
                self._refuse("a body too long", 413)

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > self._limits.body:
            self._refuse("a body too long", 413)
        self._body.append(body)

    def _whole_body(self) -> bytes:
        return self._body[0] if len(self._body) == 1 else b"".join(self._body)


def _decoded(fields: list[tuple[bytes, bytes]]) -> Headers:
    pairs = [(name.decode("ascii").lower(), value.decode("latin-1").strip(" \t")) for name, value in fields]
    return Headers(tuple(pairs)) if pairs else NO_HEADERS


class RequestReader(_Reader[Request]):
    """Reads what a client sends."""

    def __init__(self, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
        super().__init__(limits)
        self._parser = httptools.HttpRequestParser(self)
        self.is_waiting = False
        """Whether the client sends its body only when it has read `CONTINUE`."""

    def feed(self, data: bytes) -> list[Request]:
        """Return the requests that `data` completes; raises `HttpError`, and is of no more use then.

        Good requests before bad bytes are returned first; the next time, or by `failure`, the error is told.
        """
        return self._feed(self._parser.feed_data, data)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        version = self._parser.get_http_version()
        if version not in ("1.0", "1.1"):
            self._refuse(f"HTTP/{version} is not spoken here", 505)
        hosts, is_old = 0, version == "1.0"
        for name, value in self._headers.fields:
            if name == "host":
                hosts += 1
            elif name == "expect":
                self.is_waiting = value.lower() == "100-continue"
            elif name == "transfer-encoding" and (is_old or value.lower() != "chunked"):
                # RFC 9112 (6.1): a server must not guess; some proxies let such a body pass as something else.
                self._refuse("a body comes as it is, or chunked by HTTP/1.1", 400 if is_old else 501)
        if hosts != 1 and not (is_old and not hosts):
            self._refuse("a request has exactly one Host (RFC 9112, 3.2)", 400)

    def on_message_complete(self) -> None:
        self.keeps_alive = self._parser.should_keep_alive()  # false once this method has returned
        self.is_inside = self.is_waiting = False
        method, target = self._parser.get_method().decode("ascii"), self._target.decode("latin-1")
        if method == "CONNECT":
            self._refuse("this server is no tunnel", 501)
        headers, authority = self._headers, self._headers.get("host")
        if not target.startswith("/"):
            authority, target = _of_absolute(target, authority)
        request = Request(method, target, authority, headers.without(("host",)), self._whole_body())
        if self._trailers:
            request = replace(request, trailers=_decoded(self._trailers))
        self._done.append(request)


def _of_absolute(target: str, host: str) -> tuple[str, str]:
    """Whom and what `http://authority/path` asks for (RFC 9112, 3.2.2: it counts, and Host does not)."""
    scheme, colon, rest = target.partition("://")
    if not colon or scheme.lower() not in ("http", "https"):
        return host, target
    authority, _, path = rest.partition("/")
    return authority, f"/{path}"


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
        if not self.is_inside:
            return []
        if not (self._until_end and self.is_in_body):
            raise HttpError("the connection ended in the middle of a response", status=502)
        self.on_message_complete()
        done, self._done = self._done, []
        return done

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        status = self._parser.get_status_code()
        self._until_end = status >= 200 and status not in NO_BODY
        for name, _ in self._headers.fields:
            if name in ("content-length", "transfer-encoding"):
                self._until_end = False
        if self._to_head and status >= 200:
            self.on_message_complete()

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        self.keeps_alive = self._parser.should_keep_alive() and not (self._until_end or self._to_head)
        self.is_inside = False
        self._done.append(Response(status, self._headers, self._whole_body(), _decoded(self._trailers)))


def build_request(request: Request) -> bytes:
    """The request's bytes. Raises `HttpError` for what would not be one request (RFC 9112, 11)."""
    if not _is_token(request.method):
        raise HttpError(f"{request.method!r} is no method")
    if not _is_target(request.target):
        raise HttpError(f"{request.target!r} is no target")
    lines = [f"{request.method} {request.target} HTTP/1.1", f"host: {_checked('host', request.authority)}"]
    _add(lines, request.headers, _OURS_IN_REQUESTS)
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        lines.append(f"content-length: {len(request.body)}")
    return _joined(lines) + request.body


def build_response(response: Response, *, close: bool = False, to_head: bool = False) -> bytes:
    """The response's bytes; `to_head` leaves the body out, `close` says that nothing follows. Raises `HttpError`."""
    lines = [_status_line(response.status)]
    _add(lines, response.headers, _OURS_IN_RESPONSES)
    has_body = response.status not in NO_BODY
    if has_body:
        lines.append(f"content-length: {len(response.body)}")
    if close:
        lines.append("connection: close")
    return _joined(lines) + (response.body if has_body and not to_head else b"")


_OURS_IN_REQUESTS = frozenset(HOP_BY_HOP | {"content-length", "host"})
_OURS_IN_RESPONSES = frozenset(HOP_BY_HOP | {"content-length"})


def _add(lines: list[str], headers: Headers, without: Collection[str]) -> None:
    lines += [f"{name}: {_checked(name, value)}" for name, value in headers.fields if name not in without]


def _joined(lines: list[str]) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


def _checked(name: str, value: str) -> str:
    if not _is_token(name) or name != name.lower():
        raise HttpError(f"{name!r} is no name of a header, in lower case")
    if "\r" in value or "\n" in value or "\0" in value:
        raise HttpError(f"the header {name} breaks its line")
    return value


@lru_cache(1000)
def _is_token(word: str) -> bool:
    return bool(word) and _TOKEN.issuperset(word)


@lru_cache(1000)
def _is_target(target: str) -> bool:
    return bool(target) and target.isascii() and not any(mark in target for mark in " \r\n\t\0")


@lru_cache(100)
def _status_line(status: int) -> str:
    return f"HTTP/1.1 {status:03d} {Response(status).reason}"
