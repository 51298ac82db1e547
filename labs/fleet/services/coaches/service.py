"""coaches: plain functions, and what they need in globals."""

import business
import courier

PLAYERS = None


async def session(team):
    names = await PLAYERS.call("of", {"team": team})
    return business.session(team, names)


async def main():
    global PLAYERS
    async with courier.client("players", me="coaches", timeout=2.0) as PLAYERS:
        await courier.serve("coaches", {"session": session})
