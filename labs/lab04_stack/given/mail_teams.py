"""teams, in autumn: it has a card for every player, and sends them all to players, over TCP."""

import trio
from letterbox import Letterbox


async def main(host):
    async with await trio.open_tcp_stream(host.arguments["players"], host.arguments["port"]) as stream:
        players = Letterbox(stream)
        async for card in host.app:
            await players.send(card)
