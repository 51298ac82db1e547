"""players: keeps the cards, and serves whoever calls.

So far nobody can be signed. The handout, step 2, says what to write.
"""

from roster import Roster
from server import Server


async def main(host):
    await Server({"of": Roster().of}).run(host.arguments["port"])
