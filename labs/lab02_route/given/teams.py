"""teams: who plays for this team? It asks players, several routers away, and asks again while no answer comes."""

from ipaddress import IPv4Address

import trio
from business import answer, apology, team_asked_about
from end import End

PATIENCE = 5.0  # seconds for an answer
AGAIN = 0.5  # seconds between two questions: packets get lost, above all while routers look for a new way


async def main(host):
    end = End(host)
    players = IPv4Address(host.arguments["players"])
    async for question in host.app:
        team = team_asked_about(question)
        names = None
        with trio.move_on_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ask, end, team, players)
                names = await names_of(end, team)
                nursery.cancel_scope.cancel()
        await host.app.send(apology(team) if names is None else answer(team, names))


async def ask(end, team, players):
    while True:
        await end.send(team.encode(), to=players)
        await trio.sleep(AGAIN)


async def names_of(end, team):
    """Wait for the answer about `team`: the first line of an answer says whom it is about."""
    while True:
        _, payload = await end.receive()
        about, *names = payload.decode("utf-8", "replace").split("\n")
        if about == team:
            return names
