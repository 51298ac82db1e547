"""teams, as a class with a waiter who takes in a question and starts the next waiter before serving it."""

import trio
from business import answer, apology, team_asked_about
from players import Players


class Teams:
    def __init__(self, host, nursery):
        self.host = host
        self.nursery = nursery
        self.players = Players(**host.arguments)

    async def wait_at_the_door(self):
        question = await self.host.app.receive()
        self.nursery.start_soon(self.wait_at_the_door)
        team = team_asked_about(question)
        names = None
        with trio.CancelScope(deadline=trio.current_time() + 1.0):
            names = await self.players.who_plays_for(team)
        self.host.app.send_nowait(apology(team) if names is None else answer(team, names))


async def main(host):
    async with trio.open_nursery() as nursery:
        await Teams(host, nursery).wait_at_the_door()
