"""teams, with a task that asks and one function that says what people hear."""

import trio
from business import answer, apology, team_asked_about
from caller import CallFailed, calling


async def main(host):
    players_at, port, patience = (host.arguments[name] for name in ("players", "port", "patience"))
    async with trio.open_nursery() as nursery, calling(players_at, port) as players:

        async def tell(team):
            host.app.send_nowait(await heard(team))

        async def heard(team):
            try:
                return answer(team, await players.call("of", {"team": team}, patience=patience))
            except CallFailed:
                return apology(team)

        async for question in host.app:
            nursery.start_soon(tell, team_asked_about(question))
