"""teams: a function within a function, and the answer handed over with patience."""

import trio
from business import answer, apology, team_asked_about
from caller import CallFailed, calling


async def main(host):
    async with calling(host.arguments["players"], host.arguments["port"]) as players, trio.open_nursery() as nursery:
        while True:
            question = await host.app.receive()
            nursery.start_soon(one, host, players, question)


async def one(host, players, question):
    team = team_asked_about(question)
    words = apology(team)
    try:
        names = await players.call("of", {"team": team}, patience=host.arguments["patience"])
        words = answer(team, names)
    except CallFailed:
        pass
    await host.app.send(words)
