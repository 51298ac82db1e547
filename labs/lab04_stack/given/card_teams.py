"""teams, in autumn, as in lab 3: it has a card for every player, and sends them all to players."""

import by_credit
import trio
from conversation import Outgoing, listen
from dialect_line import DialectLine


async def main(host):
    line = DialectLine(host.link, host.arguments)
    outgoing = Outgoing(line, by_credit.sender(host.arguments))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen, host.link, line, outgoing)
        nursery.start_soon(outgoing.keep_time)
        async for card in host.app:
            await outgoing.send(card)
