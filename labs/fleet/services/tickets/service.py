"""tickets: a context that opens what it needs and yields what is served."""

from contextlib import asynccontextmanager

import business
import courier


@asynccontextmanager
async def application():
    async with (
        courier.client("matches", me="tickets", timeout=1.0) as matches,
        courier.client("venues", me="tickets", timeout=1.0) as venues,
    ):

        async def price(day):
            home, _ = await matches.call("pair", {"day": day})
            venue = await venues.call("of", {"team": home})
            return business.price(venue, courier.headers().get("x-caller"))

        yield {"price": price}


async def main():
    async with application() as handlers:
        await courier.serve("tickets", handlers)
