"""teams: people ask it who plays for a team; it asks players, and tells them. When that fails, it says so at once."""

import trio
from business import answer, apology, team_asked_about
from calling import client, question

from mesh.failures import CallFailed
from mesh.rpc import read_json


async def main(host):
    to = host.arguments["to"]
    ask = client(host)
    patience = host.arguments.get("patience", float("inf"))
    began = trio.current_time()

    async def answer_one(asked):
        team = team_asked_about(asked)
        names = None
        with trio.move_on_after(patience):
            try:
                names = read_json(await ask(question(to, team)))
            except CallFailed as failure:
                print(f"{trio.current_time() - began:7.3f} {team}: {failure}")
        host.app.send_nowait(apology(team) if names is None else answer(team, names))

    async with trio.open_nursery() as nursery:
        async for asked in host.app:
            nursery.start_soon(answer_one, asked)
