"""All clients of this service, made in one place."""

from contextlib import AsyncExitStack, asynccontextmanager

import courier

OPTIONS = {"timeout": 1.0}


class Clients:
    def __init__(self, me):
        self.me = me

    @asynccontextmanager
    async def opened(self, *names):
        async with AsyncExitStack() as stack:
            opening = [courier.client(name, me=self.me, **OPTIONS) for name in names]
            yield [await stack.enter_async_context(client) for client in opening]
