"""*teams*: people ask it who plays for a team; it asks *players*, and tells them.

Yours to write, from step 2 on. As it stands it has an answer for everybody, and it is always the same one.
"""

from business import answer, team_asked_about
from players import Players


async def main(host):
    players = Players(**host.arguments)  # `await players.who_plays_for(team)` gives the names
    async for question in host.app:  # one question after the other, as people ask them
        team = team_asked_about(question)
        await host.app.send(answer(team, ()))
