"""Asks as soon as it is asked, and reads the answers in another task: they come in the order of the questions."""

from collections import deque

import trio
from business import answer, team_asked_about
from letterbox import Letterbox


async def main(host):
    stream = await trio.open_tcp_stream(host.arguments["players"], host.arguments["port"])
    players, asked = Letterbox(stream), deque()
    async with stream, trio.open_nursery() as nursery:
        nursery.start_soon(tell, host.app, players, asked)
        async for question in host.app:
            asked.append(team_asked_about(question))
            await players.send(asked[-1].encode("utf-8"))


async def tell(app, players, asked):
    while (names := await players.receive()) is not None:
        await app.send(answer(asked.popleft(), filter(None, names.decode("utf-8").split("\n"))))
