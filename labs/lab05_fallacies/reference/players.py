"""players: keeps the cards, and serves whoever calls."""

from roster import Roster
from server import Server


async def main(host):
    roster = Roster(takes=host.arguments.get("takes", 0))
    await Server({"of": roster.of, "sign": roster.sign}).run(host.arguments["port"])
