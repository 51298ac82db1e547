"""The side that asks: calls over one connection, by your `call.py`."""

import math
from contextlib import asynccontextmanager

import trio
from call import CallError, Calls, Reply, encode, parse
from letterbox import Letterbox
from messages import MessageError


class CallFailed(Exception):
    """There is no result: players says so, the connection is gone, or no answer came in time."""


class Refused(CallFailed):
    """The other side has answered, with an error."""


class Caller:
    """Any number of calls over one stream; run `listen` in a task of its own."""

    def __init__(self, stream) -> None:
        self._letters = Letterbox(stream)
        self._calls = Calls()
        self._answers: dict[int, trio.MemorySendChannel] = {}
        self._sending = trio.Lock()  # a stream takes one at a time
        self.is_gone = False

    async def call(self, method: str, arguments: dict[str, object], *, identity: str = "", patience=math.inf):
        """Call a method, and return its result; raises `CallFailed`, after `patience` seconds at the latest."""
        if self.is_gone:
            raise CallFailed("the connection is gone")
        request = self._calls.begin(method, arguments, identity)
        tell, told = trio.open_memory_channel(1)
        self._answers[request.id] = tell
        with trio.move_on_after(patience):
            try:
                await self._send(encode(request))
                reply = await told.receive()
            except trio.EndOfChannel:
                raise CallFailed("the connection is gone") from None
            finally:
                if self._answers.pop(request.id, None):  # still there: nobody waits any longer
                    self._calls.give_up(request.id)
            if reply.error:
                raise Refused(reply.error)
            return reply.result
        raise CallFailed(f"no answer within {patience:g} s")

    async def _send(self, message: bytes) -> None:
        async with self._sending:
            is_sent = False
            try:
                await self._letters.send(message)
                is_sent = True
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                raise CallFailed("the connection is gone") from None
            finally:
                self.is_gone |= not is_sent  # behind half a message nothing can follow

    async def listen(self) -> None:
        """Hand each answer to whoever waits for it; whatever is no answer ends the connection."""
        try:
            while (payload := await self._letters.receive()) is not None:
                reply = parse(payload)
                if not isinstance(reply, Reply):
                    raise CallError("a request, where answers come")
                if self._calls.finish(reply) and reply.id in self._answers:
                    self._answers.pop(reply.id).send_nowait(reply)
        except (CallError, MessageError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            self.is_gone = True
            for number in set(self._calls.waiting()) & self._answers.keys():
                self._answers.pop(number).close()


@asynccontextmanager
async def calling(host: str, port: int, *, opened=trio.open_tcp_stream):
    """A `Caller` over a new connection: `async with calling("b", 8080) as players:`."""
    async with await opened(host, port) as stream, trio.open_nursery() as nursery:
        caller = Caller(stream)
        nursery.start_soon(caller.listen)
        yield caller
        nursery.cancel_scope.cancel()
