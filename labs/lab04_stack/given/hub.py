"""A hub: says on every line what it has heard on one of the others. It understands nothing of it."""

import trio


async def main(host):
    async with trio.open_nursery() as nursery:
        for link in host.links:
            nursery.start_soon(repeat, link, [other for other in host.links if other is not link])


async def repeat(link, others):
    async for frame in link:
        for other in others:
            await other.send(frame)
