"""players: keeps the cards, and serves whoever calls.

So far it has no method that anybody could call. The handout, step 2, says what to write.
"""

from server import Server


async def main(host):
    await Server({}).run(host.arguments["port"])
