"""referees: a context that yields what is served."""

from contextlib import asynccontextmanager

import business
import courier


@asynccontextmanager
async def application():
    async def on(day):
        return business.on_duty(day)

    yield {"on": on}


async def main():
    async with application() as handlers:
        await courier.serve("referees", handlers)
