"""players: keeps the cards, and answers whoever connects, over TCP."""

import trio
from business import players_of
from letterbox import Letterbox


async def main(host):
    await trio.serve_tcp(answer_all, host.arguments["port"])


async def answer_all(stream):
    teams = Letterbox(stream)
    while (team := await teams.receive()) is not None:
        await teams.send("\n".join(players_of(team.decode("utf-8", "replace"))).encode())
