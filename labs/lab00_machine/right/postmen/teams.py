"""teams, with a queue of answers: many tasks look, and one delivers what they found."""

import trio
from business import answer, apology, team_asked_about
from players import Players


async def main(host):
    players = Players(**host.arguments)
    found, to_deliver = trio.open_memory_channel(1000)

    async def look(team):
        try:
            with trio.fail_after(1):
                reply = answer(team, await players.who_plays_for(team))
        except trio.TooSlowError:
            reply = apology(team)
        await found.send(reply)

    async def deliver():
        async for reply in to_deliver:
            host.app.send_nowait(reply)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(deliver)
        while True:
            question = await host.app.receive()
            nursery.start_soon(look, team_asked_about(question))
