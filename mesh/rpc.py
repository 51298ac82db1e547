"""The standard call: one service asks another to do something, by name, and gets an answer or a reason.

A `Call` names a service and a method and carries bytes; what the bytes mean is agreed between the two. Two ways on the
wire, with the same meaning:

* *JSON over HTTP*: `POST /players.Players/of`, a JSON object each way; a failure is a status of HTTP and
  `{"status": "UNAVAILABLE", "text": …}`. People can read it, and any language has it.
* *gRPC*: HTTP/2, messages with five bytes before them, and the status in trailers. Any gRPC library talks to it.

With both travels what every hop needs: how much time is left (`grpc-timeout`, see `policies.deadline`), and the call's
identity (`idempotency-key`), which makes it safe to try again. Source: gRPC's "gRPC over HTTP2".
"""

import json
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import trio

from mesh.failures import CallFailed, Status, Unreachable
from mesh.http.client import Broken, CannotConnect, Pool
from mesh.http.limits import Limits
from mesh.http.message import NO_HEADERS, Headers, HttpError, Request, Response
from mesh.instances import Instance
from mesh.layers.balanced import Endpoint
from mesh.policies.deadline import DeadlineError, format_timeout, parse_timeout

Send = Callable[[Request], Awaitable[Response]]
_PREFIX = struct.Struct("!BI")

HTTP_STATUS = {
    Status.OK: 200,
    Status.CANCELLED: 499,
    Status.INVALID_ARGUMENT: 400,
    Status.DEADLINE_EXCEEDED: 504,
    Status.NOT_FOUND: 404,
    Status.ALREADY_EXISTS: 409,
    Status.PERMISSION_DENIED: 403,
    Status.RESOURCE_EXHAUSTED: 429,
    Status.FAILED_PRECONDITION: 400,
    Status.ABORTED: 409,
    Status.OUT_OF_RANGE: 400,
    Status.UNIMPLEMENTED: 501,
    Status.UNAVAILABLE: 503,
    Status.UNAUTHENTICATED: 401,
}
"""As grpc-gateway maps them; what is not here is 500."""

_FROM_HTTP = {
    400: Status.INTERNAL,
    401: Status.UNAUTHENTICATED,
    403: Status.PERMISSION_DENIED,
    404: Status.UNIMPLEMENTED,
    429: Status.UNAVAILABLE,
    502: Status.UNAVAILABLE,
    503: Status.UNAVAILABLE,
    504: Status.UNAVAILABLE,
}
"""gRPC's rule for an answer that no gRPC server gave."""


@dataclass(frozen=True, slots=True)
class Call:
    """`method` of `service` is asked for, with `body`. `key`, if set, names this call among all: it may be repeated.

    `metadata` are further headers, in lower case; the content's type, the deadline and the key are not among them.
    """

    service: str
    method: str
    body: bytes = b""
    key: str = ""
    metadata: Headers = NO_HEADERS

    @property
    def path(self) -> str:
        """Where it goes."""
        return f"/{self.service}/{self.method}"


def json_call(service: str, method: str, arguments: object, *, key: str = "", metadata: Headers = NO_HEADERS) -> Call:
    """A call whose body is JSON."""
    return Call(service, method, json.dumps(arguments, ensure_ascii=False).encode(), key, metadata)


def has_key(call: Call) -> bool:
    """Whether it may be made again without fear of its being done twice: what `layers.retries` and `hedged` ask."""
    return bool(call.key)


def read_json(body: bytes) -> Any:
    """The inverse; raises `CallFailed` (INVALID_ARGUMENT) for what is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise CallFailed(Status.INVALID_ARGUMENT, f"not JSON: {error}") from None


# Both ways: the metadata


def _metadata(call: Call) -> Headers:
    headers = call.metadata
    left = trio.current_effective_deadline() - trio.current_time()
    if left < float("inf"):
        headers = headers.with_("grpc-timeout", format_timeout(left))
    return headers.with_("idempotency-key", call.key) if call.key else headers


def _call_of(request: Request, body: bytes) -> Call:
    service, _, method = request.target.lstrip("/").partition("/")
    if request.method != "POST" or not service or not method:
        raise CallFailed(Status.UNIMPLEMENTED, "a call is a POST to /service/method")
    own = ("content-type", "content-length", "te", "user-agent", "accept-encoding", "grpc-accept-encoding")
    metadata = request.headers.without((*own, "grpc-timeout", "idempotency-key"))
    return Call(service, method, body, request.headers.get("idempotency-key"), metadata)


def _timeout_of(request: Request) -> float:
    said = request.headers.get("grpc-timeout")
    try:
        return parse_timeout(said) if said else float("inf")
    except DeadlineError as error:
        raise CallFailed(Status.INVALID_ARGUMENT, str(error)) from None


def _failure(error: Exception) -> CallFailed:
    """What an HTTP client's exception means for a call."""
    if isinstance(error, CannotConnect):
        return Unreachable(str(error))
    if isinstance(error, Broken):
        return CallFailed(Status.UNAVAILABLE, str(error), maybe_done=error.maybe_seen)
    return CallFailed(Status.INTERNAL, str(error))


async def _sent(send: Send, request: Request) -> Response:
    try:
        return await send(request)
    except (CannotConnect, Broken, HttpError) as error:
        raise _failure(error) from None


async def _answered(handler: Callable[[Call], Awaitable[bytes]], request: Request, call: Call) -> bytes:
    with trio.move_on_after(_timeout_of(request)):
        try:
            return await handler(call)
        except CallFailed:
            raise
        except Exception as error:
            raise CallFailed(Status.INTERNAL, f"the service has failed: {type(error).__name__}") from error
    raise CallFailed(Status.DEADLINE_EXCEEDED, "the caller's time is over")


# JSON over HTTP


def over_http(send: Send, authority: str) -> Callable[[Call], Awaitable[bytes]]:
    """A service of calls that are sent as JSON over HTTP; `send` makes one request (a `Pool`'s, or HTTP/2's)."""

    async def call(call: Call) -> bytes:
        await trio.lowlevel.checkpoint_if_cancelled()  # there is no time left to tell of
        headers = _metadata(call).with_("content-type", "application/json")
        response = await _sent(send, Request("POST", call.path, authority, headers, call.body))
        if response.status == 200:
            return response.body
        raise _told_in_json(response)

    return call


def http_endpoint(instance: Instance, *, limits: Limits = Limits()) -> Endpoint[Call, bytes]:  # noqa: B008 - frozen
    """The way to one instance by JSON over HTTP/1.1: a pool of connections, made when they are needed."""

    async def connect() -> trio.SocketStream:
        return await trio.open_tcp_stream(instance.address, instance.port)

    pool = Pool(connect=connect, limits=limits)
    return Endpoint(over_http(pool.request, f"{instance.address}:{instance.port}"), pool.aclose)


def _told_in_json(response: Response) -> CallFailed:
    try:
        told = json.loads(response.body)
        status = Status[told["status"]] or Status.UNKNOWN  # a failure that says OK
        return CallFailed(status, str(told.get("text", "")), maybe_done=bool(told.get("maybe_done", 1)))
    except (ValueError, KeyError, TypeError, RecursionError):
        return CallFailed(_FROM_HTTP.get(response.status, Status.UNKNOWN), f"HTTP status {response.status}")


def http_handler(handler: Callable[[Call], Awaitable[bytes]]) -> Callable[[Request], Awaitable[Response]]:
    """What an HTTP server needs to answer calls by `handler`."""

    async def answer(request: Request) -> Response:
        json_type = Headers.of(content_type="application/json")
        try:
            return Response(200, json_type, await _answered(handler, request, _call_of(request, request.body)))
        except CallFailed as failure:
            told = {"status": failure.status.name, "text": failure.text, "maybe_done": failure.maybe_done}
            return Response(HTTP_STATUS.get(failure.status, 500), json_type, json.dumps(told).encode())

    return answer


# gRPC, unary


def over_grpc(send: Send, authority: str) -> Callable[[Call], Awaitable[bytes]]:
    """A service of calls that are sent as gRPC; `send` makes one request over HTTP/2."""

    async def call(call: Call) -> bytes:
        await trio.lowlevel.checkpoint_if_cancelled()  # there is no time left to tell of
        headers = _metadata(call).with_("content-type", "application/grpc").with_("te", "trailers")
        request = Request("POST", call.path, authority, headers, build_message(call.body))
        response = await _sent(send, request)
        ending = response.trailers if "grpc-status" in response.trailers else response.headers
        status = _status_of(response, ending)
        if status is not Status.OK:
            raise CallFailed(status, unquote(ending.get("grpc-message")), maybe_done=ending.get("maybe-done") != "0")
        return parse_message(response.body)

    return call


def _status_of(response: Response, ending: Headers) -> Status:
    said = ending.get("grpc-status")
    if not said:
        return _FROM_HTTP.get(response.status, Status.UNKNOWN)
    try:
        return Status(int(said))
    except ValueError:
        return Status.UNKNOWN


def grpc_handler(handler: Callable[[Call], Awaitable[bytes]]) -> Callable[[Request], Awaitable[Response]]:
    """What an HTTP/2 server needs to answer gRPC's calls by `handler`."""

    async def answer(request: Request) -> Response:
        if not request.headers.get("content-type").startswith("application/grpc"):
            return Response(415)
        headers = Headers.of(content_type="application/grpc")
        try:
            body = await _answered(handler, request, _call_of(request, parse_message(request.body)))
            return Response(200, headers, build_message(body), Headers((("grpc-status", "0"),)))
        except CallFailed as failure:
            told = (
                ("grpc-status", str(int(failure.status))),
                ("grpc-message", quote(failure.text, safe=" !#$&'()*+,/:;<=>?@[]^_`{|}~\"\\")),
                ("maybe-done", str(int(failure.maybe_done))),  # gRPC has no word for it, and passes metadata on
            )
            return Response(200, Headers((*headers, *told)))

    return answer


def build_message(body: bytes) -> bytes:
    """One message with its prefix: whether it is compressed (never), and its length."""
    return _PREFIX.pack(0, len(body)) + body


def parse_message(data: bytes) -> bytes:
    """The one message of a unary call; raises `CallFailed`."""
    if len(data) < _PREFIX.size:
        raise CallFailed(Status.INTERNAL, "a message without its prefix")
    compressed, length = _PREFIX.unpack_from(data)
    if compressed:
        raise CallFailed(Status.UNIMPLEMENTED, "compressed messages are not understood here")
    if len(data) != _PREFIX.size + length:
        raise CallFailed(Status.INTERNAL, f"{length} bytes were announced, {len(data) - _PREFIX.size} are there")
    return data[_PREFIX.size :]
