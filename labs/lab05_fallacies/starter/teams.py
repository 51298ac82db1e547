"""teams: people ask it who plays for a team; it asks players, by the standard call, and tells them.

So far it asks one thing at a time, and waits for as long as that takes. The handout, step 2, says what to write.
"""

from business import answer, team_asked_about
from caller import calling


async def main(host):
    async with calling(host.arguments["players"], host.arguments["port"]) as players:
        async for question in host.app:
            team = team_asked_about(question)
            names = await players.call("of", {"team": team})
            await host.app.send(answer(team, names))
