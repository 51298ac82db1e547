"""Drinks a stream in sips: at most `sip` bytes at a time, each `every` seconds, none in the first `begin` seconds."""

from contextlib import suppress

import trio


async def main(host):
    begin = trio.current_time() + host.arguments["begin"]

    async def drink(stream):
        await trio.sleep_until(begin)
        with suppress(trio.BrokenResourceError):
            while sip := await stream.receive_some(host.arguments["sip"]):
                host.app.send_nowait(sip)
                await trio.sleep(host.arguments["every"])
            host.app.send_nowait(b"")

    await trio.serve_tcp(drink, host.arguments["port"])
