"""players: keeps the cards, and answers. For some teams it has to look longer: `thinks` says for how many seconds."""

import trio
from business import players_of
from station import station_of


async def main(host):
    station = station_of(host, "players")
    thinks = host.arguments.get("thinks", {})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(station.run)
        async for conversation, question in station.questions:
            team = question.decode("utf-8", "replace")
            nursery.start_soon(look_up, station, conversation, team, thinks.get(team, 0.0))


async def look_up(station, conversation, team, seconds):
    await trio.sleep(seconds)
    await station.answer(conversation, "\n".join(players_of(team)).encode())
