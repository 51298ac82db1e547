"""One end of a conversation: what the application has goes out, what comes in goes to the application, in pieces.

It reads as fast as the application does, and no faster: a piece is read when the one before has been taken. Arguments:
the addresses, `pieces` (what of yours is in use), `says` (how many payloads the application has before it says no more;
less than nought: it never does), `most` (bytes of a piece that it reads).
"""

import trio
from machine import machine

from netstack.driver import own_host


async def main(host):
    terms = host.arguments
    async with own_host(machine(host), [host.link], linger=terms["linger"]):
        if terms["calls"]:
            await converse(host, await trio.open_tcp_stream(terms["calls"], terms["port"]))
        else:
            (listener,) = await trio.open_tcp_listeners(terms["port"], host=terms["address"])
            await converse(host, await listener.accept())


async def converse(host, stream):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(say, host.app, stream, host.arguments["says"])
        while piece := await stream.receive_some(host.arguments["most"]):
            await host.app.send(piece)


async def say(app, stream, count):
    while count:
        await stream.send_all(await app.receive())
        count -= 1
    await stream.send_eof()
