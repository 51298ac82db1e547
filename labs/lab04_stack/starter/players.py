"""players: keeps the cards, and answers whoever connects, over TCP.

So far it answers one question, which it takes to be whatever one read of the stream brings. The handout, step 3, says
what to write.
"""

import trio
from business import players_of


async def main(host):
    await trio.serve_tcp(answer_one, host.arguments["port"])


async def answer_one(stream):
    team = await stream.receive_some()
    await stream.send_all("\n".join(players_of(team.decode("utf-8", "replace"))).encode())
