"""HTTP/2 between services: many requests at a time on one connection (RFC 9113; frames and states are h2's).

What is here is what h2 leaves open: whose turn it is to write, how long to wait for a window, what a cancelled request
does (it resets its stream, and the connection lives), and which requests have their answers when a connection ends. A
body is sent as far as the other side's windows allow, its own and the connection's: TCP's credit once more, one level
up.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import trio

from mesh.http.client import Broken
from mesh.http.limits import Limits
from mesh.http.message import NO_HEADERS, Headers, Request, Response, text

CHUNK = 64 * 1024
Handler = Callable[[Request], Awaitable[Response]]


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
    changed: trio.Event = field(default_factory=trio.Event)

    def change(self) -> None:
        """Wake whoever waits for this stream."""
        self.changed.set()

    def take_headers(self, fields: list[tuple[str, str]]) -> None:
        self.pseudo = {name: value for name, value in fields if name.startswith(":")}
        self.headers = Headers(tuple((name, value) for name, value in fields if not name.startswith(":")))


class _Connection:
    """What both sides have in common: reading, dispatching, and writing in turns."""

    def __init__(self, stream: trio.abc.Stream, limits: Limits, *, client: bool) -> None:
        self._stream, self._limits = stream, limits
        config = h2.config.H2Configuration(client_side=client, header_encoding="utf-8")
        self._h2 = h2.connection.H2Connection(config)
        self._streams: dict[int, _Stream] = {}
        self._writing = trio.Lock()
        self._window_opened = trio.Event()
        self.closing = False
        """The other side wants no more requests on this connection (GOAWAY), or it is over."""

    async def _flush(self) -> None:
        """Write what h2 has to say; one at a time, for frames must not be mixed."""
        async with self._writing:
            if data := self._h2.data_to_send():
                await self._stream.send_all(data)

    async def _read_all(self) -> None:
        """Read to the end of the connection."""
        reason = "the connection was closed"
        try:
            while data := await self._stream.receive_some(CHUNK):
                for event in self._h2.receive_data(bytes(data)):
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
        stream = self._stream_of(event.stream_id)
        stream.size += len(event.data or b"")
        if stream.size > self._limits.body:
            stream.failed = Broken("a body too long", maybe_seen=True)
            stream.change()
            with suppress(h2.exceptions.ProtocolError):
                self._h2.reset_stream(event.stream_id, h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)
            return
        stream.body.append(event.data or b"")
        with suppress(h2.exceptions.ProtocolError):
            self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)

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
    """A connection to a server, for any number of requests at a time. See `connected`."""

    def __init__(self, stream: trio.abc.Stream, limits: Limits) -> None:
        super().__init__(stream, limits, client=True)

    async def request(self, request: Request) -> Response:
        """Make `request`; raises `Broken`. Cancelled, it resets its stream, and others go on."""
        if self.closing:
            raise Broken("the connection takes no more requests", maybe_seen=False)
        number, stream = self._h2.get_next_available_stream_id(), _Stream()
        self._streams[number] = stream
        try:
            has_body = bool(request.body)
            self._h2.send_headers(number, _request_fields(request), end_stream=not has_body)
            await self._flush()
            if has_body:
                await self._send_body(number, request.body, end=True)
            while not (stream.complete or stream.failed):
                await stream.changed.wait()
                stream.changed = trio.Event()
        except trio.BrokenResourceError as error:
            raise Broken(f"the connection broke: {error}", maybe_seen=True) from None
        except trio.Cancelled:
            self._give_up(number)
            raise
        finally:
            del self._streams[number]
        if stream.failed:
            raise stream.failed
        return Response(
            int(stream.pseudo.get(":status", "502")), stream.headers, b"".join(stream.body), stream.trailers
        )

    def _give_up(self, number: int) -> None:
        with suppress(h2.exceptions.ProtocolError):
            self._h2.reset_stream(number, h2.errors.ErrorCodes.CANCEL)  # goes with whatever is written next

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
    client._h2.initiate_connection()
    async with stream, trio.open_nursery() as nursery:
        await client._flush()
        nursery.start_soon(client._read_all)
        yield client
        nursery.cancel_scope.cancel()


class Server(_Connection):
    """One connection from a client; each request is a task."""

    def __init__(self, stream: trio.abc.Stream, handler: Handler, limits: Limits, nursery: trio.Nursery) -> None:
        super().__init__(stream, limits, client=False)
        self._handler, self._nursery = handler, nursery
        self._scopes: dict[int, trio.CancelScope] = {}

    def _dispatch(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived():
                stream = self._streams[event.stream_id or 0] = _Stream()
                stream.take_headers(event.headers or [])  # type: ignore[arg-type]
            case h2.events.StreamEnded() if event.stream_id in self._streams:
                stream = self._streams[event.stream_id]
                stream.complete = True
                if stream.failed is None:
                    self._nursery.start_soon(self._answer, event.stream_id, stream)
            case h2.events.StreamReset() if event.stream_id in self._scopes:
                self._scopes[event.stream_id].cancel()  # nobody waits for the answer any more
            case _:
                super()._dispatch(event)

    async def _answer(self, number: int, stream: _Stream) -> None:
        with trio.CancelScope() as self._scopes[number]:
            try:
                response = await self._handler(_request_of(stream))
            except Exception:
                response = text(500, "the service has failed\n")
            with suppress(h2.exceptions.ProtocolError, trio.BrokenResourceError, trio.ClosedResourceError):
                await self._send(number, response)
        del self._scopes[number]
        self._streams.pop(number, None)

    async def _send(self, number: int, response: Response) -> None:
        fields = [(":status", str(response.status)), *response.headers]
        trailers = list(response.trailers)
        self._h2.send_headers(number, fields, end_stream=not (response.body or trailers))
        if response.body:
            await self._send_body(number, response.body, end=not trailers)
        if trailers:
            self._h2.send_headers(number, trailers, end_stream=True)
        await self._flush()


async def serve(stream: trio.abc.Stream, handler: Handler, limits: Limits = Limits()) -> None:  # noqa: B008
    """Serve one connection to its end."""
    async with stream, trio.open_nursery() as nursery:
        server = Server(stream, handler, limits, nursery)
        server._h2.initiate_connection()
        with suppress(trio.BrokenResourceError):
            await server._flush()
            await server._read_all()
        nursery.cancel_scope.cancel()


def _request_fields(request: Request) -> list[tuple[str, str]]:
    pseudo = [(":method", request.method), (":scheme", "http"), (":authority", request.authority)]
    return [*pseudo, (":path", request.target), *request.headers]


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
