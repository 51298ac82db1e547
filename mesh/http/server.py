"""A server: one task for each connection, requests in, the service's responses out, in order.

A connection stays for further requests, as long as both sides want that and `Limits` allow. *Draining* ends a server in
order: nobody new is let in, whoever waits for an answer gets it, with the word that nothing follows (`connection:
close`), and idle connections are closed.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import trio

from mesh.http.http1 import RequestReader, build_response
from mesh.http.limits import Limits
from mesh.http.message import HttpError, Request, Response, text

Handler = Callable[[Request], Awaitable[Response]]
CHUNK = 64 * 1024


def _tell_nobody(request: Request, error: Exception) -> None:
    """The default."""


@dataclass(slots=True)
class Server:
    """Serves `handler` to any number of connections. An exception of the handler's is answered by 500, and told."""

    handler: Handler
    limits: Limits = Limits()
    on_error: Callable[[Request, Exception], None] = _tell_nobody
    draining: bool = False
    _idle: dict[trio.abc.Stream, trio.CancelScope] = field(default_factory=dict)
    _open: int = 0
    _empty: trio.Event = field(default_factory=trio.Event)

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Serve one connection to its end, and close it."""
        if self._open >= self.limits.connections or self.draining:
            await trio.aclose_forcefully(stream)
            return
        self._open += 1
        try:
            async with stream:
                await self._serve_all(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # whoever was there has gone
        finally:
            self._open -= 1
            if not self._open:
                self._empty.set()

    async def _serve_all(self, stream: trio.abc.Stream) -> None:
        reader = RequestReader(self.limits)
        for count in range(1, self.limits.requests + 1):
            try:
                requests = await self._receive(stream, reader)
            except HttpError as error:
                await self._send(stream, build_response(text(error.status, f"{error}\n"), close=True))
                return
            for number, request in enumerate(requests, 1):
                is_last = number == len(requests)
                response = await self._answer(request)
                close = is_last and (not reader.keeps_alive or self.draining or count == self.limits.requests)
                await self._send(stream, build_response(response, close=close, to_head=request.method == "HEAD"))
            if not requests or close:
                return

    async def _receive(self, stream: trio.abc.Stream, reader: RequestReader) -> list[Request]:
        """At least one request; none at the end of the connection, or when it was idle for too long."""
        requests: list[Request] = []
        while not requests:
            idle = not reader.is_inside
            limits = self.limits
            seconds = limits.idle_seconds if idle else limits.body_seconds if reader.is_in_body else limits.head_seconds
            data: bytes = b""
            with trio.move_on_after(seconds) as scope:
                if idle:
                    self._idle[stream] = scope
                    if self.draining:
                        scope.cancel()
                try:
                    data = bytes(await stream.receive_some(CHUNK))
                finally:
                    self._idle.pop(stream, None)
            if scope.cancelled_caught and not idle:
                raise HttpError("the request took too long", status=408)
            if not data:
                return []
            requests = reader.feed(data)
        return requests

    async def _answer(self, request: Request) -> Response:
        try:
            return await self.handler(request)
        except Exception as error:
            self.on_error(request, error)
            return text(500, "the service has failed\n")

    async def _send(self, stream: trio.abc.Stream, data: bytes) -> None:
        with trio.move_on_after(self.limits.send_seconds) as scope:
            await stream.send_all(data)
        if scope.cancelled_caught:
            raise trio.BrokenResourceError("the other side does not read")

    async def drain(self) -> None:
        """End in order, and return when the last connection is closed."""
        self.draining = True
        for scope in self._idle.values():
            scope.cancel()
        if self._open:
            self._empty = trio.Event()
            await self._empty.wait()


async def serve(
    handler: Handler,
    port: int,
    *,
    host: str | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    task_status: trio.TaskStatus[Server] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `handler` at a port until cancelled, or until `Server.drain` has been called elsewhere."""
    server = Server(handler, limits)
    listeners = await trio.open_tcp_listeners(port, host=host)
    async with trio.open_nursery() as nursery:
        for listener in listeners:
            nursery.start_soon(trio.serve_listeners, server.serve, [listener])
        task_status.started(server)
