"""teams: people ask it who plays for a team; it asks players, over TCP, and tells them."""

import trio
from business import answer, team_asked_about
from letterbox import Letterbox


async def main(host):
    async with await trio.open_tcp_stream(host.arguments["players"], host.arguments["port"]) as stream:
        players = Letterbox(stream)
        async for question in host.app:
            team = team_asked_about(question)
            await players.send(team.encode())
            names = await players.receive()
            if names is None:
                return
            await host.app.send(answer(team, names.decode("utf-8", "replace").splitlines()))
