"""A server's side: each request is a task, and a connection ends in order."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import h2.errors
import h2.events
import h2.exceptions
import trio

from mesh.http.http2.connection import Connection, Stream, checked
from mesh.http.limits import Limits
from mesh.http.message import Request, Response, text

Handler = Callable[[Request], Awaitable[Response]]
MANY_RESETS = 100
"""So many requests taken back, and as many again as were answered, are an attack (CVE-2023-44487, "rapid reset")."""


class Server(Connection):
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
                stream = self._streams[event.stream_id or 0] = Stream()
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

    async def _answer(self, number: int, stream: Stream) -> None:
        with trio.CancelScope() as self._scopes[number]:
            try:
                response = await self._handler(_request_of(stream))
                fields = [(":status", str(response.status)), *checked(response.headers)]
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


def _request_of(stream: Stream) -> Request:
    pseudo = stream.pseudo
    return Request(
        pseudo.get(":method", ""),
        pseudo.get(":path", ""),
        pseudo.get(":authority", ""),
        stream.headers,
        b"".join(stream.body),
        stream.trailers,
    )
