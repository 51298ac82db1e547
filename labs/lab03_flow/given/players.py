"""players: keeps the cards, and answers. A question is read when its answer is on the way, and not before."""

import math

import by_credit
import trio
from business import players_of
from conversation import Incoming, Line, Outgoing, listen


async def main(host):
    settings = host.arguments
    line = Line(host.link, settings["peer"], settings["flow"])
    arrived, questions = trio.open_memory_channel(math.inf)
    outgoing = Outgoing(line, by_credit.sender(settings))
    incoming = Incoming(line, by_credit.receiver(settings), deliver=arrived.send_nowait)
    answered = 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen, host.link, line, outgoing, incoming)
        nursery.start_soon(outgoing.keep_time)
        async for team in questions:
            await outgoing.send("\n".join(players_of(team.decode("utf-8", "replace"))).encode())
            answered += 1
            await incoming.consumed(answered)
