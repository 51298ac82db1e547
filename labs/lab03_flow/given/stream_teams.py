"""teams, in autumn: it has a card for every player, and sends them all to players."""

from importlib import import_module

import trio
from conversation import Line, Outgoing, listen


async def main(host):
    settings = host.arguments
    line = Line(host.link, settings["peer"], settings["flow"])
    outgoing = Outgoing(line, import_module(f"by_{settings['by']}").sender(settings))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen, host.link, line, outgoing)
        nursery.start_soon(outgoing.keep_time)
        async for card in host.app:
            await outgoing.send(card)
