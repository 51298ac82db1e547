"""People ask teams who plays for a team; what teams is told comes from players, or else it apologises."""

import trio
from business import answer, apology, team_asked_about

from mesh.failures import CallFailed


async def ask_for_people(host, ask):
    """Answer all who ask, many at a time; `ask(team)` finds out, and may raise `CallFailed`."""

    async def answer_one(question):
        team = team_asked_about(question)
        try:
            said = answer(team, await ask(team))
        except CallFailed as failure:
            print(f"{trio.current_time():7.3f} {team}: {failure}")
            said = apology(team)
        host.app.send_nowait(said)

    async with trio.open_nursery() as nursery:
        async for question in host.app:
            nursery.start_soon(answer_one, question)
