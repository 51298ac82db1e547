"""venues: a class."""

import business
import courier


class Venues:
    async def of(self, team):
        return business.home_of(team)

    async def serve(self):
        await courier.serve("venues", {"of": self.of})


async def main():
    await Venues().serve()
