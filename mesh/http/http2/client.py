"""A client's side: requests on one connection, and on another when that takes no more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import h2.errors
import h2.events
import trio

from mesh.beside import beside
from mesh.http.client import Broken, CannotConnect, Connect
from mesh.http.http2.connection import Connection, Stream, checked
from mesh.http.limits import Limits
from mesh.http.message import Request, Response


class Client(Connection):
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
        number, stream = self._h2.get_next_available_stream_id(), Stream()
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

    async def _exchange(self, number: int, stream: Stream, fields: list[tuple[str, str]], body: bytes) -> None:
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
    async with beside(client.run):
        yield client


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
    async with beside() as nursery:
        yield Channel(connect=connect, nursery=nursery, limits=limits)


def _request_fields(request: Request) -> list[tuple[str, str]]:
    pseudo = [(":method", request.method), (":scheme", "http"), (":authority", request.authority)]
    return [*pseudo, (":path", request.target), *checked(request.headers)]
