"""A client: a pool of connections to one address, each used again as long as it lasts.

Which connection a request takes is decided at once, without awaiting: the idle one that was used last (so that the
others may grow old), or a new one, or, when there are as many as allowed, the next that becomes free. Idle connections
are given up before the server's patience ends; for when the server closes one at the very moment a request is sent, the
client cannot know whether it was read. That race is why `Broken` says whether the request may have been seen.
"""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from mesh.http.http1 import ResponseReader, build_request
from mesh.http.limits import Limits
from mesh.http.message import HttpError, Request, Response

CHUNK = 64 * 1024
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
    reader: ResponseReader
    used: int = 0
    idle_since: float = 0.0

    async def exchange(self, request: Request, limits: Limits) -> Response:
        sent = False
        self.used += 1
        try:
            if request.method == "HEAD":
                self.reader.expect_answer_to_head()
            with trio.fail_after(limits.send_seconds):
                await self.stream.send_all(build_request(request))
            sent = True
            return await self._read(request)
        except trio.BrokenResourceError as error:
            raise Broken(f"the connection broke: {error}", maybe_seen=sent or self.used > 1) from None
        except trio.TooSlowError:
            raise Broken("the other side does not read", maybe_seen=True) from None

    async def _read(self, request: Request) -> Response:
        while True:
            data = await self.stream.receive_some(CHUNK)
            responses = self.reader.feed(bytes(data)) if data else self.reader.feed_end()
            if responses:
                return responses[0]
            if not data:
                raise Broken("the server closed the connection instead of answering", maybe_seen=True)


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
    _free: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)

    async def request(self, request: Request) -> Response:
        """Make `request`; raises `CannotConnect`, `Broken`, `HttpError`. Its deadline is the caller's cancel scope."""
        async with self._one() as connection:
            response = await connection.exchange(request, self.limits)
            if connection.reader.keeps_alive:
                self._give_back(connection)
            return response

    @asynccontextmanager
    async def _one(self) -> AsyncIterator[_Connection]:
        """A connection for one request. Unless it has been given back by then, it is closed at the end."""
        connection = await self._take()
        try:
            yield connection
        finally:
            is_kept = connection in self._idle
            self._count -= not is_kept
            self._free.unpark()
            if not is_kept:
                await trio.aclose_forcefully(connection.stream)

    async def _take(self) -> _Connection:
        while True:
            await self._close_old()
            if self._idle:
                return self._idle.pop()
            if self._count < self.most:
                return await self._open()
            await self._free.park()

    async def _open(self) -> _Connection:
        self._count += 1
        try:
            with trio.fail_after(self.connect_seconds):
                return _Connection(await self.connect(), ResponseReader(self.limits))
        except (OSError, trio.TooSlowError) as error:
            self._count -= 1
            raise CannotConnect(str(error) or "no answer in time") from None
        except BaseException:
            self._count -= 1
            raise

    def _give_back(self, connection: _Connection) -> None:
        connection.idle_since = trio.current_time()
        self._idle.append(connection)

    async def _close_old(self) -> None:
        oldest = trio.current_time() - self.idle_seconds
        while self._idle and self._idle[0].idle_since < oldest:
            await self._close(self._idle.popleft())

    async def _close(self, connection: _Connection) -> None:
        self._count -= 1
        await trio.aclose_forcefully(connection.stream)

    async def aclose(self) -> None:
        """Close the idle connections; those in use are closed by whoever uses them."""
        while self._idle:
            await self._close(self._idle.pop())


__all__ = ["Broken", "CannotConnect", "HttpError", "Pool"]
