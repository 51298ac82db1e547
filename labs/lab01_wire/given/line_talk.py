"""Sends what the application offers, and hands over every message that comes in. Both at once."""

import trio
from serial_line import Line


async def main(host):
    line = Line(host.link)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_all, host.app, line)
        while True:
            host.app.send_nowait(await line.receive())


async def send_all(app, line):
    async for message in app:
        await line.send(message)
