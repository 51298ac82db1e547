"""Tasks beside a block: they live as long as the block, and what the block raises comes out as it is."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio


@asynccontextmanager
async def beside(*tasks: Callable[[], Awaitable[object]]) -> AsyncIterator[trio.Nursery]:
    """Have `tasks`, and others that are started in the nursery, run beside the block; cancel them at its end.

    What the block raises comes out as it is. A nursery alone would wrap it in an `ExceptionGroup`, and whoever writes
    `async with source.watch(…)` need not know that there is one.
    """
    raised: BaseException | None = None
    async with trio.open_nursery() as nursery:
        for task in tasks:
            nursery.start_soon(task)
        try:
            yield nursery
        except BaseException as error:
            raised = error
        nursery.cancel_scope.cancel()
    if raised is not None:
        raise raised
