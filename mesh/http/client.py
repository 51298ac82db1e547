"""A client: a pool of connections to one address, each used again as long as it lasts.

Which connection a request takes is decided at once, without awaiting: the idle one that was used last (so that the
others may grow old), or a new one, or, when there are as many as allowed, the next that becomes free. Idle connections
are given up before the server's patience ends; for when the server closes one at the very moment a request is sent, the
client cannot know whether it was read. That race is why `Broken` says whether the request may have been seen.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import trio

from mesh.http.http1 import ResponseReader, build_request
from mesh.http.limits import Limits
from mesh.http.message import HttpError, Request, Response
from mesh.http.transport import Transport

Connect = Callable[[], Awaitable[trio.abc.Stream]]


class CannotConnect(Exception):
    """No connection came about; the request was not sent."""


class Broken(Exception):
    """The connection broke. `maybe_seen`: the server may have acted on the request."""

    def __init__(self, text: str, *, maybe_seen: bool) -> None:
        super().__init__(text)
        self.maybe_seen = maybe_seen


@dataclass(slots=True, eq=False)
class _Connection:
    stream: trio.abc.Stream
    transport: Transport
    reader: ResponseReader
    idle_since: float = 0.0

    async def exchange(self, message: bytes, limits: Limits, *, is_head: bool) -> Response:
        sent = False
        try:
            if is_head:
                self.reader.expect_answer_to_head()
            if rest := self.transport.send_now(message):
                with trio.fail_after(limits.send_seconds):
                    await self.transport.send(rest)
            sent = True
            return await self._read()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            # Of a request that was not wholly sent the server cannot have made anything.
            raise Broken(f"the connection broke: {error}", maybe_seen=sent) from None
        except trio.TooSlowError:
            raise Broken("the other side does not read", maybe_seen=False) from None

    async def _read(self) -> Response:
        while True:
            data = await self.transport.receive()
            responses = self.reader.feed(data) if data else self.reader.feed_end()
            if responses:
                if len(responses) > 1:  # nobody asked for the others: an answer must never go to the next request
                    self.reader.keeps_alive = False
                return responses[0]
            if not data:
                raise Broken("the server closed the connection instead of answering", maybe_seen=True)

    @property
    def is_reusable(self) -> bool:
        """Whether the last answer ended cleanly, with nothing behind it."""
        reader = self.reader
        return reader.keeps_alive and not reader.failure and not reader.is_inside

    @property
    def is_stale(self) -> bool:
        """Whether something came on an idle connection: its end, most likely. Not all sockets can tell."""
        try:
            return isinstance(self.stream, trio.SocketStream) and self.stream.socket.is_readable()
        except (NotImplementedError, OSError):
            return False


@dataclass(slots=True, kw_only=True)
class Pool:
    """Connections to one address, made by `connect`: at most `most` at a time, idle for at most `idle_seconds`."""

    connect: Connect
    most: int = 100
    idle_seconds: float = 60.0
    connect_seconds: float = 1.0
    limits: Limits = Limits()
    _idle: deque[_Connection] = field(default_factory=deque)
    _count: int = 0
    _closed: bool = False
    _free: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)

    async def request(self, request: Request) -> Response:
        """Make `request`; raises `CannotConnect`, `Broken`, `HttpError`. Its deadline is the caller's cancel scope."""
        message = build_request(request)
        connection = await self._take()
        kept = False
        try:
            response = await connection.exchange(message, self.limits, is_head=request.method == "HEAD")
            kept = connection.is_reusable and not self._closed
            return response
        finally:
            if kept:
                connection.idle_since = trio.current_time()
                self._idle.append(connection)
            else:
                self._count -= 1
            self._free.unpark()
            if not kept:
                await trio.aclose_forcefully(connection.stream)

    async def _take(self) -> _Connection:
        """The connection for a request: whichever was idle for the shortest time, a new one, or the next to be free."""
        while not self._closed:
            await self._close_old()
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_stale:
                    return connection
                await self._close(connection)
            if self._count < self.most:
                return await self._open()
            await self._free.park()
        raise CannotConnect("the pool is closed")

    async def _open(self) -> _Connection:
        self._count += 1
        opened = False
        try:
            with trio.fail_after(self.connect_seconds):
                stream = await self.connect()
            connection = _Connection(stream, Transport(stream), ResponseReader(self.limits))
            opened = True
            return connection
        except (OSError, trio.TooSlowError) as error:
            raise CannotConnect(str(error) or "no answer in time") from None
        finally:
            if not opened:
                self._count -= 1
                self._free.unpark()  # or else whoever waits for the place would wait for ever

    async def _close_old(self) -> None:
        oldest = trio.current_time() - self.idle_seconds
        while self._idle and self._idle[0].idle_since < oldest:
            await self._close(self._idle.popleft())

    async def _close(self, connection: _Connection) -> None:
        self._count -= 1
        await trio.aclose_forcefully(connection.stream)

    async def aclose(self) -> None:
        """Close the idle connections, and those in use when they are no longer; there will be no new ones.

        All are closed even when whoever does it is cancelled: a connection is given up without waiting for anybody.
        """
        self._closed = True
        self._free.unpark_all()
        with trio.CancelScope(shield=True):
            while self._idle:
                await self._close(self._idle.pop())


__all__ = ["Broken", "CannotConnect", "HttpError", "Pool"]
