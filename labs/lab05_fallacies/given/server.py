"""The side that answers: each request in a task of its own, so that a slow one holds nobody up.

A request with an identity goes through your `once.py` first: it is carried out once, however often it comes.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import trio
from call import CallError, Reply, Request, encode, parse
from letterbox import Letterbox
from messages import MessageError
from once import Once, Verdict

Method = Callable[..., Awaitable[object]]

REFUSALS = {
    Verdict.DIFFERENT: "this identity was used for something else",
    Verdict.FULL: "too much is under way; nothing was done, ask again later",
}


class Server:
    """Serves `methods`, async functions by name, to whoever connects. It remembers `size` identities for `age` s.

    Whoever sends what cannot be read is not listened to any longer, and `complain` is told why.
    """

    def __init__(self, methods: Mapping[str, Method], *, size: int = 1000, age: float = 60, complain=print) -> None:
        self._methods = methods
        self._complain = complain
        self._once = Once(size=size, age=age)
        self._finished: dict[str, trio.Event] = {}

    async def run(self, port: int) -> None:
        """Serve for ever."""
        await trio.serve_tcp(self._serve, port)

    async def _serve(self, stream) -> None:
        letters = Letterbox(stream)
        sending = trio.Lock()  # a stream takes one at a time
        async with trio.open_nursery() as nursery:
            try:
                while (payload := await letters.receive()) is not None:
                    request = parse(payload)
                    if not isinstance(request, Request):
                        raise CallError("an answer, where requests come")
                    nursery.start_soon(self._answer, letters, sending, request)
            except (CallError, MessageError) as error:
                self._complain(f"somebody cannot be understood: {error}")
            except trio.BrokenResourceError:
                pass

    async def _answer(self, letters: Letterbox, sending: trio.Lock, request: Request) -> None:
        with trio.CancelScope(shield=True):  # what has begun is finished, though the caller may be gone
            reply = await (self._once_only(request) if request.identity else self._carry_out(request))
        async with sending:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await letters.send(_written(reply))

    async def _carry_out(self, request: Request) -> Reply:
        method = self._methods.get(request.method)
        if method is None:
            return Reply(request.id, error=f"there is no method {request.method!r} here")
        try:
            return Reply(request.id, await method(**request.arguments))
        except Exception as error:  # a method's mistake is its caller's bad luck, and nobody else's
            return Reply(request.id, error=f"{request.method!r} failed: {error!r}")

    async def _once_only(self, request: Request) -> Reply:
        try:
            identity, words = request.identity, encode(Request(1, request.method, request.arguments))
        except (ValueError, RecursionError) as error:  # nested so deeply that it was just read, and cannot be written
            return Reply(request.id, error=f"this cannot be kept: {error!r}")
        verdict = self._once.begin(identity, words, now=trio.current_time())
        if verdict in REFUSALS:
            return Reply(request.id, error=REFUSALS[verdict])
        if verdict is Verdict.NEW:
            finished = self._finished[identity] = trio.Event()
            reply = await self._carry_out(request)
            self._once.finish(identity, _written(reply), now=trio.current_time())
            del self._finished[identity]
            finished.set()
            return reply
        if verdict is Verdict.UNDER_WAY:
            await self._finished[identity].wait()
        return _for(request, parse(self._once.answer(identity)))


def _written(reply: Reply) -> bytes:
    """The bytes of a reply; where its result cannot be written, of an error that says so."""
    try:
        return encode(reply)
    except (TypeError, ValueError, RecursionError) as error:
        return encode(Reply(reply.id, error=f"the result cannot be written: {error!r}"))


def _for(request: Request, reply: Reply) -> Reply:
    """The same answer, to another call: ids belong to connections."""
    return Reply(request.id, reply.result, reply.error)
