"""courier 1: how the services of this fleet talk. The company's library, a thin cover of `mesh`.

Whoever calls says so, in the header `x-caller`; who does not say so gets no answer.
"""

import contextvars
import random
from contextlib import asynccontextmanager
from dataclasses import replace

import mesh
from mesh.calling import Client as Client
from mesh.failures import CallFailed, Status
from mesh.parts import Settings
from mesh.service import Stack

VERSION = "1"
_HEADERS = contextvars.ContextVar("headers")


def headers():
    """The headers of the call that is being answered; `headers().get("x-caller")` is who made it."""
    return _HEADERS.get()


@asynccontextmanager
async def client(service, *, me, timeout=1.0):
    """A client of `service` for the service `me`; each try of a call takes at most `timeout` seconds."""

    def introduced(send):
        async def call(call):
            metadata = call.metadata.with_("x-caller", me)
            return await send(replace(call, metadata=metadata, key=f"{random.getrandbits(64):x}"))

        return call

    def with_introduction(stack):
        return stack.insert_before("statistics", "introduction", introduced, why="on top: all tries are one call")

    async with mesh.client(service, settings=Settings(timeout=timeout), stack=with_introduction) as found:
        yield found


async def serve(service, handlers):
    """Answer calls of whoever says who it is, until cancelled."""

    def asking_who(answer):
        async def call(call):
            if "x-caller" not in call.metadata:
                raise CallFailed(Status.UNAUTHENTICATED, f"{service} has courier {VERSION}: it wants an x-caller")
            _HEADERS.set(call.metadata)
            return await answer(call)

        return call

    stack = Stack().push("introduction", asking_who)
    await mesh.serve(service, handlers, stack=stack, host="127.0.0.1", port=0, linger=0.3, courier=VERSION)
