"""teams: people ask it who plays for a team; it asks players, by the standard call, and tells them."""

import trio
from business import answer, apology, team_asked_about
from caller import CallFailed, calling


async def main(host):
    async with calling(host.arguments["players"], host.arguments["port"]) as players, trio.open_nursery() as nursery:
        async for question in host.app:
            nursery.start_soon(reply, host, players, team_asked_about(question))


async def reply(host, players, team):
    try:
        names = await players.call("of", {"team": team}, patience=host.arguments["patience"])
    except CallFailed:
        host.app.send_nowait(apology(team))
    else:
        host.app.send_nowait(answer(team, names))
