"""HTTP/2 between services: many requests at a time on one connection (RFC 9113; frames and states are h2's).

What is here is what h2 leaves open: whose turn it is to write, how long to wait for a window, what a cancelled request
does (it resets its stream, and the connection lives), which requests have their answers when a connection ends, and how
one is ended in order. A body is sent as far as the other side's windows allow, its own and the connection's: TCP's
credit once more, one level up.

A client's `Channel` needs one connection, where HTTP/1.1 needs a pool: it makes another when the present one takes no
more requests. Left out: priorities, pushes, pings of our own, bodies that are read while they come.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import trio

from mesh.http.client import Broken, CannotConnect, Connect
from mesh.http.http1 import HOP_BY_HOP
from mesh.http.limits import Limits
from mesh.http.message import NO_HEADERS, Headers, HttpError, Request, Response, text

CHUNK = 64 * 1024
Handler = Callable[[Request], Awaitable[Response]]
MANY_RESETS = 100
"""So many requests taken back, and as many again as were answered, are an attack (CVE-2023-44487, "rapid reset")."""


@dataclass(slots=True)
class _Stream:
    """One request and its response, as far as they have come."""

    pseudo: dict[str, str] = field(default_factory=dict)
    headers: Headers = NO_HEADERS
    body: list[bytes] = field(default_factory=list)
    size: int = 0
    trailers: Headers = NO_HEADERS
    complete: bool = False
    failed: Broken | None = None
    began: float = field(default_factory=trio.current_time)
    changed: trio.Event = field(default_factory=trio.Event)

    def change(self) -> None:
        """Wake whoever waits for this stream."""
        self.changed.set()

    def take_headers(self, fields: list[tuple[str, str]]) -> None:
        self.pseudo = {name: value for name, value in fields if name.startswith(":")}
        self.headers = Headers(tuple((name, value) for name, value in fields if not name.startswith(":")))


def _state_of(limits: Limits, *, client: bool) -> h2.connection.H2Connection:
    codes = h2.settings.SettingCodes
    values = {codes.MAX_CONCURRENT_STREAMS: limits.streams, codes.MAX_HEADER_LIST_SIZE: limits.head}
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=client, header_encoding="utf-8"))
    connection.local_settings = h2.settings.Settings(client, values | ({codes.ENABLE_PUSH: 0} if client else {}))
    connection.decoder.max_header_list_size = limits.head
    # h2 takes GOAWAY for the end. It is the beginning of the end: streams that are open are finished (RFC 9113, 6.8).
    states, inputs = h2.connection.ConnectionState, h2.connection.ConnectionInputs
    machine = connection.state_machine
    machine._transitions = dict(machine._transitions)
    for state in (states.CLIENT_OPEN, states.SERVER_OPEN):
        for each in (inputs.SEND_GOAWAY, inputs.RECV_GOAWAY):
            machine._transitions[state, each] = (None, state)
    return connection


class _Connection:
    """What both sides have in common: reading, dispatching, and writing in turns."""

    def __init__(self, stream: trio.abc.Stream, limits: Limits, *, client: bool) -> None:
        self._stream, self._limits = stream, limits
        self._h2 = _state_of(limits, client=client)
        self._streams: dict[int, _Stream] = {}
        self._writing = trio.Lock()
        self._window_opened = trio.Event()
        self.closing = False
        """The other side wants no more requests on this connection (GOAWAY), or it is over."""

    async def _flush(self) -> None:
        """Write what h2 has to say; one at a time, for frames must not be mixed."""
        async with self._writing:
            if data := self._h2.data_to_send():
                with trio.move_on_after(self._limits.send_seconds) as patience:
                    await self._stream.send_all(data)
                if patience.cancelled_caught:
                    raise trio.BrokenResourceError("the other side does not read")

    async def _read_all(self) -> None:
        """Read to the end of the connection."""
        reason = "the connection was closed"
        try:
            while data := await self._receive():
                for event in self._h2.receive_data(data):
                    self._dispatch(event)
                await self._flush()
        except (h2.exceptions.ProtocolError, trio.BrokenResourceError, UnicodeDecodeError) as error:
            reason = f"the connection broke: {error}"
        finally:
            self.closing = True
            self._fail_all(reason)
            with suppress(Exception):
                self._h2.close_connection()
                with trio.move_on_after(1):
                    await self._flush()

    async def _receive(self) -> bytes:
        return bytes(await self._stream.receive_some(CHUNK))

    def _fail_all(self, reason: str, *, after: int = 0, maybe_seen: bool = True) -> None:
        for number, stream in self._streams.items():
            if number > after and not stream.complete:
                stream.failed = Broken(reason, maybe_seen=maybe_seen)
                stream.change()
        self._window_opened.set()

    def _dispatch(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                self._window_opened.set()
                self._window_opened = trio.Event()
            case h2.events.DataReceived():
                self._take_data(event)
            case h2.events.TrailersReceived():
                self._stream_of(event.stream_id).trailers = Headers(tuple(event.headers or ()))  # type: ignore[arg-type]
            case h2.events.StreamReset():
                stream = self._streams.get(event.stream_id)
                if stream is not None:
                    refused = event.error_code == h2.errors.ErrorCodes.REFUSED_STREAM
                    stream.failed = Broken(f"the stream was reset ({event.error_code!s})", maybe_seen=not refused)
                    stream.change()
                    self._window_opened.set()
            case h2.events.ConnectionTerminated():
                # RFC 9113 (6.8): what comes after the last stream that it names was not looked at.
                self.closing = True
                self._fail_all("the other side is going away", after=event.last_stream_id or 0, maybe_seen=False)
            case _:
                pass

    def _stream_of(self, number: int | None) -> _Stream:
        return self._streams.get(number or 0) or _Stream()

    def _take_data(self, event: h2.events.DataReceived) -> None:
        # Also of a body that nobody wants: or else its bytes would be missing from the connection's window for ever.
        with suppress(h2.exceptions.ProtocolError):
            self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
        stream = self._stream_of(event.stream_id)
        stream.size += len(event.data or b"")
        if stream.size <= self._limits.body:
            stream.body.append(event.data or b"")
            return
        stream.failed, stream.body = Broken("a body too long", maybe_seen=True), []
        stream.change()
        self._reset(event.stream_id, h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)

    def _reset(self, number: int, code: h2.errors.ErrorCodes) -> None:
        with suppress(h2.exceptions.ProtocolError):
            self._h2.reset_stream(number, code)  # goes with whatever is written next

    async def _send_body(self, number: int, body: bytes, *, end: bool) -> None:
        """Send `body` as far as the windows allow, and wait for them to open for the rest."""
        view = memoryview(body)
        while view or end:
            stream = self._streams.get(number)
            if stream is None or stream.failed:
                return
            room = min(self._h2.local_flow_control_window(number), self._h2.max_outbound_frame_size)
            if view and room <= 0:
                await self._flush()
                await self._window_opened.wait()
                continue
            part, view = view[:room], view[room:]
            self._h2.send_data(number, bytes(part), end_stream=end and not view)
            await self._flush()
            if not view:
                return


class Client(_Connection):
    """A connection to a server, for any number of requests at a time. See `connected` and `Channel`."""

    def __init__(self, stream: trio.abc.Stream, limits: Limits) -> None:
        super().__init__(stream, limits, client=True)
        self._places = trio.lowlevel.ParkingLot()
        self._h2.initiate_connection()

    async def request(self, request: Request) -> Response:
        """Make `request`; raises `Broken`, `HttpError`. Cancelled, it resets its stream, and others go on."""
        fields = _request_fields(request)
        while not self.closing and len(self._streams) >= self._h2.remote_settings.max_concurrent_streams:
            await self._places.park()
        if self.closing:
            raise Broken("the connection takes no more requests", maybe_seen=False)
        number, stream = self._h2.get_next_available_stream_id(), _Stream()
        self._streams[number] = stream
        try:
            await self._exchange(number, stream, fields, request.body)
        except trio.BrokenResourceError as error:
            raise Broken(f"the connection broke: {error}", maybe_seen=True) from None
        except trio.Cancelled:
            self._reset(number, h2.errors.ErrorCodes.CANCEL)
            raise
        finally:
            del self._streams[number]
            self._places.unpark()
        status = int(stream.pseudo.get(":status", "502"))
        return Response(status, stream.headers, b"".join(stream.body), stream.trailers)

    async def _exchange(self, number: int, stream: _Stream, fields: list[tuple[str, str]], body: bytes) -> None:
        self._h2.send_headers(number, fields, end_stream=not body)
        await self._flush()
        if body:
            await self._send_body(number, body, end=True)
        while not (stream.complete or stream.failed):
            await stream.changed.wait()
            stream.changed = trio.Event()
        if stream.failed:
            raise stream.failed

    async def run(self) -> None:
        """Read what comes, to the end of the connection, and close it."""
        async with self._stream:
            with suppress(trio.BrokenResourceError):
                await self._flush()
                await self._read_all()
        self._places.unpark_all()

    def _dispatch(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived():
                self._stream_of(event.stream_id).take_headers(event.headers or [])  # type: ignore[arg-type]
            case h2.events.StreamEnded():
                stream = self._stream_of(event.stream_id)
                stream.complete = True
                stream.change()
            case _:
                super()._dispatch(event)


@asynccontextmanager
async def connected(stream: trio.abc.Stream, limits: Limits = Limits()) -> AsyncIterator[Client]:  # noqa: B008
    """A client on `stream`, as long as the block runs; then the connection is closed in order."""
    client = Client(stream, limits)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.run)
        yield client
        nursery.cancel_scope.cancel()


@dataclass(slots=True, kw_only=True)
class Channel:
    """Requests to one address over one connection, and over another when that takes no more. See `channel`."""

    connect: Connect
    nursery: trio.Nursery
    connect_seconds: float = 1.0
    limits: Limits = Limits()
    _client: Client | None = None
    _connecting: trio.Lock = field(default_factory=trio.Lock)

    async def request(self, request: Request) -> Response:
        """Make `request`; raises `CannotConnect`, `Broken`, `HttpError`. Its deadline is the caller's cancel scope."""
        if self._client is None or self._client.closing:
            await self._connect()
        assert self._client is not None
        return await self._client.request(request)

    async def _connect(self) -> None:
        async with self._connecting:
            if self._client is not None and not self._client.closing:
                return  # somebody else was quicker
            try:
                with trio.fail_after(self.connect_seconds):
                    stream = await self.connect()
            except (OSError, trio.TooSlowError) as error:
                raise CannotConnect(str(error) or "no answer in time") from None
            self._client = Client(stream, self.limits)
            self.nursery.start_soon(self._client.run)


@asynccontextmanager
async def channel(connect: Connect, limits: Limits = Limits()) -> AsyncIterator[Channel]:  # noqa: B008 - frozen
    """A `Channel` whose connections end with the block."""
    async with trio.open_nursery() as nursery:
        yield Channel(connect=connect, nursery=nursery, limits=limits)
        nursery.cancel_scope.cancel()


class Server(_Connection):
    """One connection from a client; each request is a task."""

    def __init__(self, stream: trio.abc.Stream, handler: Handler, limits: Limits, nursery: trio.Nursery) -> None:
        super().__init__(stream, limits, client=False)
        self._handler, self._nursery = handler, nursery
        self._scopes: dict[int, trio.CancelScope] = {}
        self._answered = self._taken_back = 0
        self._draining = False
        self._patience = trio.CancelScope()
        self._h2.initiate_connection()

    async def serve(self) -> None:
        """To the end of the connection."""
        with suppress(trio.BrokenResourceError):
            await self._flush()
            await self._read_all()

    async def drain(self, draining: trio.Event) -> None:
        """When that is set, take no more requests, answer those that are there, and end the connection."""
        await draining.wait()
        self._draining = True
        self._h2.close_connection(h2.errors.ErrorCodes.NO_ERROR)
        with suppress(trio.BrokenResourceError):
            await self._flush()
        self._end_if_drained()

    def _end_if_drained(self) -> None:
        if self._draining and not self._streams:
            self._nursery.cancel_scope.cancel()

    async def _receive(self) -> bytes:
        """Wait for as long as whoever is slowest may take; reset what is too slow; give up who says nothing at all."""
        while True:
            began = [stream.began for stream in self._streams.values() if not stream.complete]
            seconds = float("inf") if self._streams else self._limits.idle_seconds
            if began:
                seconds = min(began) + self._limits.body_seconds - trio.current_time()
            with trio.CancelScope(deadline=trio.current_time() + seconds) as self._patience:
                return await super()._receive()
            if not began:
                return b""
            await self._reset_slow()

    async def _reset_slow(self) -> None:
        oldest = trio.current_time() - self._limits.body_seconds
        for number, stream in list(self._streams.items()):
            if not stream.complete and stream.began <= oldest:
                del self._streams[number]
                self._reset(number, h2.errors.ErrorCodes.CANCEL)
        await self._flush()

    def _dispatch(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived() if self._draining:
                self._reset(event.stream_id or 0, h2.errors.ErrorCodes.REFUSED_STREAM)
            case h2.events.RequestReceived():
                stream = self._streams[event.stream_id or 0] = _Stream()
                stream.take_headers(event.headers or [])  # type: ignore[arg-type]
            case h2.events.StreamEnded() if event.stream_id in self._streams:
                stream = self._streams[event.stream_id]
                stream.complete = True
                if stream.failed is None:
                    self._nursery.start_soon(self._answer, event.stream_id, stream)
                else:
                    del self._streams[event.stream_id]
            case h2.events.StreamReset():
                self._take_back(event.stream_id or 0)
            case _:
                super()._dispatch(event)
                if isinstance(event, h2.events.DataReceived) and self._stream_of(event.stream_id).failed:
                    self._streams.pop(event.stream_id or 0, None)

    def _take_back(self, number: int) -> None:
        """Nobody waits for this answer any more."""
        if (scope := self._scopes.get(number)) is not None:
            scope.cancel()
        self._streams.pop(number, None)
        self._window_opened.set()
        self._window_opened = trio.Event()
        self._taken_back += 1
        if self._taken_back > MANY_RESETS + self._answered:
            self._h2.close_connection(h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)
            raise h2.exceptions.ProtocolError("too many requests were taken back")

    async def _answer(self, number: int, stream: _Stream) -> None:
        with trio.CancelScope() as self._scopes[number]:
            try:
                response = await self._handler(_request_of(stream))
                fields = [(":status", str(response.status)), *_checked(response.headers)]
            except Exception:
                response = text(500, "the service has failed\n")
                fields = [(":status", "500"), *response.headers]
            self._answered += 1
            with suppress(h2.exceptions.ProtocolError, trio.BrokenResourceError, trio.ClosedResourceError):
                await self._send(number, fields, response, to_head=stream.pseudo.get(":method") == "HEAD")
        del self._scopes[number]
        self._streams.pop(number, None)
        if not self._streams:
            self._patience.deadline = trio.current_time() + self._limits.idle_seconds
        self._end_if_drained()

    async def _send(self, number: int, fields: list[tuple[str, str]], response: Response, *, to_head: bool) -> None:
        body, trailers = b"" if to_head else response.body, list(response.trailers)
        with trio.move_on_after(self._limits.send_seconds) as patience:
            self._h2.send_headers(number, fields, end_stream=not (body or trailers))
            if body:
                await self._send_body(number, body, end=not trailers)
            if trailers:
                self._h2.send_headers(number, trailers, end_stream=True)
            await self._flush()
        if patience.cancelled_caught:  # the other side opens no window
            self._reset(number, h2.errors.ErrorCodes.CANCEL)
            await self._flush()


async def serve(
    stream: trio.abc.Stream,
    handler: Handler,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    *,
    draining: trio.Event | None = None,
) -> None:
    """Serve one connection to its end; in order, when `draining` is set."""
    async with stream, trio.open_nursery() as nursery:
        server = Server(stream, handler, limits, nursery)
        if draining is not None:
            nursery.start_soon(server.drain, draining)
        await server.serve()
        nursery.cancel_scope.cancel()


def _checked(headers: Headers) -> list[tuple[str, str]]:
    """What HTTP/2 takes. Raises `HttpError` for what another hop might read as two headers (RFC 9113, 8.2.1)."""
    for name, value in headers:
        if name != name.lower() or not name or any(mark in name + value for mark in "\r\n\0") or ":" in name:
            raise HttpError(f"the header {name!r} is not allowed")
    return [(name, value) for name, value in headers if name == "te" or name not in HOP_BY_HOP]


def _request_fields(request: Request) -> list[tuple[str, str]]:
    pseudo = [(":method", request.method), (":scheme", "http"), (":authority", request.authority)]
    return [*pseudo, (":path", request.target), *_checked(request.headers)]


def _request_of(stream: _Stream) -> Request:
    pseudo = stream.pseudo
    return Request(
        pseudo.get(":method", ""),
        pseudo.get(":path", ""),
        pseudo.get(":authority", ""),
        stream.headers,
        b"".join(stream.body),
        stream.trailers,
    )
