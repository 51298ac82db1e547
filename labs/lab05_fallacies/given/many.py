"""Asks who plays for each team that people name, all at once over one connection; tells each answer as it comes."""

import trio
from caller import CallFailed, calling


async def main(host):
    async with calling(host.arguments["players"], host.arguments["port"]) as players, trio.open_nursery() as nursery:
        async for team in host.app:
            nursery.start_soon(ask, host, players, team.decode())


async def ask(host, players, team):
    try:
        names = await players.call("of", {"team": team}, patience=host.arguments["patience"])
    except CallFailed as error:
        host.app.send_nowait(f"{team}: {error}".encode())
    else:
        host.app.send_nowait(f"{team}: {', '.join(names)}".encode())
