"""teams: plain functions, and what they need in globals."""

import business
import courier

PLAYERS = None


async def sheet(team):
    names = await PLAYERS.call("of", {"team": team})
    return business.answer(team, names).decode()


async def main():
    global PLAYERS
    async with courier.client("players", me="teams", timeout=1.0) as PLAYERS:
        await courier.serve("teams", {"sheet": sheet})
