"""teams, at one end of a serial line: who plays for this team? It asks players."""

import trio
from business import answer, apology, team_asked_about
from serial_line import Line

PATIENCE = 5.0  # seconds


async def main(host):
    line = Line(host.link)
    async for question in host.app:
        team = team_asked_about(question)
        await line.send(team.encode())
        with trio.move_on_after(PATIENCE) as waiting:
            names = await line.receive()
        if waiting.cancelled_caught:
            await host.app.send(apology(team))
        else:
            await host.app.send(answer(team, names.decode("utf-8", "replace").splitlines()))
