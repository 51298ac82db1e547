"""A server: one task for each connection, requests in, the service's responses out, in order.

A connection stays for further requests, as long as both sides want that and `Limits` allow. Its time is limited in each
of its phases, from the phase's beginning: a head that comes byte by byte takes no longer than one that comes at once.
*Draining* ends a server in order: nobody new is let in, whoever waits for an answer gets it, with the word that nothing
follows (`connection: close`), and idle connections are closed.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import trio

from mesh.http.http1 import CONTINUE, RequestReader, build_response
from mesh.http.limits import Limits
from mesh.http.message import HttpError, Request, Response, text
from mesh.http.transport import CHUNK, Transport

Handler = Callable[[Request], Awaitable[Response]]
LINGER_SECONDS, LINGER_BYTES = 1.0, 1 << 20


def _tell_nobody(request: Request, error: Exception) -> None:
    """The default."""


@dataclass(slots=True)
class Server:
    """Serves `handler` to any number of connections. An exception of the handler's is answered by 500, and told."""

    handler: Handler
    limits: Limits = Limits()
    on_error: Callable[[Request, Exception], None] = _tell_nobody
    draining: bool = False
    drained: trio.Event = field(default_factory=trio.Event)
    """Set when the last connection has ended after `drain`."""
    _idle: set[trio.CancelScope] = field(default_factory=set)
    _leaving: trio.Event = field(default_factory=trio.Event)
    _open: int = 0

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Serve one connection of HTTP/1.1 to its end, and close it."""
        await self._serve(stream, lambda: _Connection(self, stream).serve())

    async def serve_http2(self, stream: trio.abc.Stream) -> None:
        """Serve one connection of HTTP/2 to its end, and close it. There is no changing from one to the other."""
        from mesh.http import http2  # most programs never speak it, and it takes a while to import

        await self._serve(stream, lambda: http2.serve(stream, self.answer, self.limits, draining=self._leaving))

    async def _serve(self, stream: trio.abc.Stream, converse: Callable[[], Awaitable[None]]) -> None:
        if self._open >= self.limits.connections or self.draining:
            await trio.aclose_forcefully(stream)
            return
        self._open += 1
        try:
            async with stream:
                await converse()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # whoever was there has gone
        finally:
            self._open -= 1
            self._look_whether_drained()

    async def answer(self, request: Request) -> Response:
        """What the handler says, or that it has failed."""
        try:
            return await self.handler(request)
        except Exception as error:
            self.on_error(request, error)
            return text(500, "the service has failed\n")

    async def drain(self) -> None:
        """End in order, and return when the last connection is closed."""
        self.draining = True
        self._leaving.set()
        for scope in self._idle:
            scope.cancel()
        self._look_whether_drained()
        await self.drained.wait()

    def _look_whether_drained(self) -> None:
        if self.draining and not self._open:
            self.drained.set()


class _Connection:
    """One connection. What limits its time is one cancel scope, whose deadline moves from phase to phase."""

    def __init__(self, server: Server, stream: trio.abc.Stream) -> None:
        self._server, self._stream, self._limits = server, stream, server.limits
        self._transport = Transport(stream)
        self._reader = RequestReader(server.limits)
        self._patience = trio.CancelScope()
        self._is_sending = False

    async def serve(self) -> None:
        refusal: HttpError | None = None
        with self._patience:
            try:
                await self._converse()
            except HttpError as error:
                refusal = error
        if self._patience.cancelled_caught and self._reader.is_inside and not self._is_sending:
            refusal = HttpError("the request took too long", status=408)
        if refusal:
            await self._refuse(refusal)

    async def _converse(self) -> None:
        served = 0
        while requests := await self._receive():
            for request in requests:
                served += 1
                response = await self._server.answer(request)
                is_last = request is requests[-1]
                close = is_last and (
                    self._server.draining or served >= self._limits.requests or not self._reader.keeps_alive
                )
                await self._send(self._built(request, response, close))
            if close:
                return

    def _built(self, request: Request, response: Response, close: bool) -> bytes:
        to_head = request.method == "HEAD"
        try:
            return build_response(response, close=close, to_head=to_head)
        except HttpError as error:  # a header that HTTP does not allow is a failure of the handler's
            self._server.on_error(request, error)
            return build_response(text(500, "the service has failed\n"), close=close, to_head=to_head)

    async def _receive(self) -> list[Request]:
        """At least one request; none at the end of the connection. Raises `HttpError`."""
        reader, limits, patience = self._reader, self._limits, self._patience
        phase = ""
        while True:
            if reader.failure:
                raise reader.failure
            before, phase = (
                phase,
                "body" if reader.is_inside and reader.is_in_body else "head" if reader.is_inside else "",
            )
            if phase != before or not phase:
                seconds = {"": limits.idle_seconds, "head": limits.head_seconds, "body": limits.body_seconds}[phase]
                patience.deadline = trio.current_time() + seconds
            data = await (self._transport.receive() if phase else self._first_bytes())
            if not data:
                return []
            if requests := reader.feed(data):
                patience.deadline = float("inf")  # how long an answer may take is for the handler to say
                return requests
            if reader.is_waiting:
                reader.is_waiting = False
                await self._stream.send_all(CONTINUE)

    async def _first_bytes(self) -> bytes:
        """Those of the next request; until they come, draining may close the connection."""
        idle = self._server._idle
        idle.add(self._patience)
        try:
            return b"" if self._server.draining else await self._transport.receive()
        finally:
            idle.discard(self._patience)

    async def _send(self, data: bytes) -> None:
        if rest := self._transport.send_now(data):
            self._is_sending, self._patience.deadline = True, trio.current_time() + self._limits.send_seconds
            await self._transport.send(rest)
            self._is_sending, self._patience.deadline = False, float("inf")

    async def _refuse(self, error: HttpError) -> None:
        """Say why, and wait for the other side to read it: what is closed with bytes unread takes the answer along."""
        with trio.move_on_after(LINGER_SECONDS):
            await self._stream.send_all(build_response(text(error.status, f"{error}\n"), close=True))
            if isinstance(self._stream, trio.abc.HalfCloseableStream):
                await self._stream.send_eof()
                left = LINGER_BYTES
                while left > 0 and (data := await self._stream.receive_some(CHUNK)):
                    left -= len(data)


async def serve(
    handler: Handler,
    port: int,
    *,
    host: str | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    task_status: trio.TaskStatus[Server] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `handler` at a port until cancelled, or until `Server.drain` has been called elsewhere and is done."""
    server = Server(handler, limits)
    listeners = await trio.open_tcp_listeners(port, host=host)
    async with trio.open_nursery() as nursery:
        for listener in listeners:
            nursery.start_soon(trio.serve_listeners, server.serve, [listener])
        task_status.started(server)
        await server.drained.wait()
        nursery.cancel_scope.cancel()
