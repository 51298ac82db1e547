"""standings: a class that is handed what it needs."""

import business
import courier
from clients import Client, PatientClient


class Standings:
    def __init__(self, matches, scores):
        self.matches = matches
        self.scores = scores

    async def after(self, day):
        results = []
        for number in range(day + 1):
            pair = await self.matches.call("pair", {"day": number})
            results.append((pair, await self.scores.call("of", {"day": number})))
        return business.table(results)

    async def serve(self):
        await courier.serve("standings", {"after": self.after})


async def main():
    async with Client("matches") as matches, PatientClient("scores") as scores:
        await Standings(matches, scores).serve()
