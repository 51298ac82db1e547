"""teams, on Ethernet: who plays for this team? It asks everybody; there is only players to hear it."""

import trio
from business import answer, apology, team_asked_about
from cable import Cable

PATIENCE = 5.0  # seconds


async def main(host):
    cable = Cable(host.link)
    async for question in host.app:
        team = team_asked_about(question)
        await cable.send(team.encode())
        with trio.move_on_after(PATIENCE) as waiting:
            _, names = await cable.receive()
        if waiting.cancelled_caught:
            await host.app.send(apology(team))
        else:
            await host.app.send(answer(team, names.decode("utf-8", "replace").splitlines()))
