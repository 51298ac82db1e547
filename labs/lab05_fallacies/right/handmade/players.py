"""players, its methods written out."""

from roster import Roster
from server import Server


async def main(host):
    roster = Roster(takes=host.arguments.get("takes", 0))

    async def of(team):
        return await roster.of(team)

    async def sign(team, player):
        return await roster.sign(team, player)

    server = Server({"sign": sign, "of": of})
    await server.run(host.arguments["port"])
