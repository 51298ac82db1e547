"""players, in autumn, as in lab 3: its clerk files one card after another."""

import by_credit
import trio
from conversation import Incoming, listen
from dialect_line import DialectLine


async def main(host):
    line = DialectLine(host.link, host.arguments)
    incoming = Incoming(line, by_credit.receiver(host.arguments), deliver=host.app.send_nowait)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen, host.link, line, incoming)
        filed = 0
        while True:
            await host.app.wait_consumed(filed + 1)
            filed = host.app.consumed
            await incoming.consumed(filed)
