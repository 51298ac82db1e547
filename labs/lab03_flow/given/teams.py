"""teams: people ask it who plays for a team; it asks players, and tells them, over a flow-controlled line."""

import math
from collections import deque

import by_credit
import trio
from business import answer, team_asked_about
from conversation import Incoming, Line, Outgoing, listen


async def main(host):
    settings = host.arguments
    line = Line(host.link, settings["peer"], settings["flow"])
    answers, names_of = trio.open_memory_channel(math.inf)
    outgoing = Outgoing(line, by_credit.sender(settings))
    incoming = Incoming(line, by_credit.receiver(settings), deliver=answers.send_nowait)
    asked = deque()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen, host.link, line, outgoing, incoming)
        nursery.start_soon(outgoing.keep_time)
        nursery.start_soon(tell, host.app, names_of, asked, incoming)
        async for question in host.app:
            asked.append(team_asked_about(question))
            await outgoing.send(asked[-1].encode())


async def tell(app, names_of, asked, incoming):
    told = 0
    async for names in names_of:
        await app.send(answer(asked.popleft(), names.decode("utf-8", "replace").splitlines()))
        told += 1
        await incoming.consumed(told)
