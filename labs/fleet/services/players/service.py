"""players: plain functions."""

import business
import courier


async def of(team):
    return business.players_of(team)


async def main():
    await courier.serve("players", {"of": of})
