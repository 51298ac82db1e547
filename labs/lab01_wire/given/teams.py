"""teams: who plays for this team? It finds players by name, and asks; each question in a conversation of its own."""

import trio
from business import answer, apology, team_asked_about
from station import station_of


async def main(host):
    station = station_of(host, "teams")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(station.run)
        async for question in host.app:
            nursery.start_soon(find_out, host.app, station, team_asked_about(question))


async def find_out(app, station, team):
    names = await station.ask("players", team.encode())
    if names is None:
        app.send_nowait(apology(team))
    else:
        app.send_nowait(answer(team, names.decode("utf-8", "replace").splitlines()))
