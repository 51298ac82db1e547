"""scores: a context that opens what it needs and yields what is served."""

from contextlib import AsyncExitStack, asynccontextmanager

import business
import courier


@asynccontextmanager
async def application():
    async with AsyncExitStack() as stack:
        matches = await stack.enter_async_context(courier.client("matches", me="scores", timeout=1.0))
        referees = await stack.enter_async_context(courier.client("referees", me="scores", timeout=0.5))

        async def of(day):
            pair = await matches.call("pair", {"day": day})
            return business.score(day, pair, await referees.call("on", {"day": day}))

        yield {"of": of}


async def main():
    async with application() as handlers:
        await courier.serve("scores", handlers)
