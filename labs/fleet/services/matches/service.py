"""matches: a class that is handed what it needs."""

import business
import courier
from clients import Clients


class Matches:
    def __init__(self, teams, venues):
        self.teams = teams
        self.venues = venues

    async def poster(self, day):
        pair = business.pairing(day)
        sheets = [await self.teams.call("sheet", {"team": team}) for team in pair]
        return business.announcement(day, sheets, await self.venues.call("of", {"team": pair[0]}))

    async def pair(self, day):
        return business.pairing(day)

    async def serve(self):
        await courier.serve("matches", {"poster": self.poster, "pair": self.pair})


async def main():
    async with Clients("matches").opened("teams", "venues") as clients:
        await Matches(*clients).serve()
