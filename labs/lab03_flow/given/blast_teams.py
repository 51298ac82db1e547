"""teams, without a thought for the other side: a card each `every` seconds, or all of them as fast as they come."""

import trio
from conversation import Line

from netstack.flow.messages import Data


async def main(host):
    line = Line(host.link, host.arguments["peer"], host.arguments["flow"])
    number = 0
    async for card in host.app:
        await line.put(Data(number, card))
        number += 1
        await trio.sleep(host.arguments["every"])
