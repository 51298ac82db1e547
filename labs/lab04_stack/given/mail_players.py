"""players, in autumn: its clerk files one card after another, as fast as he can."""

import trio
from letterbox import Letterbox


async def main(host):
    async def take(stream):
        teams = Letterbox(stream)
        while (card := await teams.receive()) is not None:
            await host.app.send(card)

    await trio.serve_tcp(take, host.arguments["port"])
