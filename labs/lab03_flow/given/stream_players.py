"""players, in autumn: its clerk files one card after another, as fast as he can. They wait for him on his desk."""

from importlib import import_module

import trio
from conversation import Incoming, Line, listen


async def main(host):
    settings = host.arguments
    line = Line(host.link, settings["peer"], settings["flow"])
    receiver = import_module(f"by_{settings['by']}").receiver(settings)
    incoming = Incoming(line, receiver, deliver=host.app.send_nowait)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen, host.link, line, incoming)
        filed = 0
        while True:
            await host.app.wait_consumed(filed + 1)
            filed = host.app.consumed
            await incoming.consumed(filed)
