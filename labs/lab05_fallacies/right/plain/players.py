"""players: as many lines as it takes."""

from roster import Roster
from server import Server


async def main(host):
    takes = 0
    if "takes" in host.arguments:
        takes = host.arguments["takes"]
    roster = Roster(takes=takes)
    methods = {}
    methods["of"] = roster.of
    methods["sign"] = roster.sign
    await Server(methods).run(host.arguments["port"])
