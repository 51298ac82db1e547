"""A bare TCP connection, at whose end people type bytes: what they offer is sent, what comes is handed to them.

No message begins or ends here. An empty payload, either way, is the end of the stream.
"""

from contextlib import suppress

import trio


async def main(host):
    stream = await _opened(host.arguments)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_type, host.apps[host.arguments["at"]], stream)
        with suppress(trio.BrokenResourceError):
            async for piece in stream:
                host.apps[host.arguments["at"]].send_nowait(piece)
        host.apps[host.arguments["at"]].send_nowait(b"")


async def _opened(arguments):
    if "connect" in arguments:
        return await trio.open_tcp_stream(arguments["connect"], arguments["port"])
    (listener,) = await trio.open_tcp_listeners(arguments["port"], host="0.0.0.0")
    return await listener.accept()


async def _type(app, stream):
    with suppress(trio.BrokenResourceError):
        async for piece in app:
            if piece:
                await stream.send_all(piece)
            else:
                await stream.send_eof()
