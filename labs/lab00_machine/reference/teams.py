"""*teams*: people ask it who plays for a team; it asks *players*, and tells them.

A task for each question, so that nobody waits behind another; and for each a second's patience, so that nobody waits
for ever.
"""

import trio
from business import answer, apology, team_asked_about
from players import Players

PATIENCE = 1.0  # seconds


async def main(host):
    players = Players(**host.arguments)
    async with trio.open_nursery() as nursery:
        async for question in host.app:
            nursery.start_soon(reply, host, players, team_asked_about(question))


async def reply(host, players, team):
    with trio.move_on_after(PATIENCE) as patience:
        names = await players.who_plays_for(team)
    await host.app.send(apology(team) if patience.cancelled_caught else answer(team, names))
