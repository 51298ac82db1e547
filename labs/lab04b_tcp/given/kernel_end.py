"""The other end: a plain trio program, on whatever TCP/IP its host has. On Mininet that is the Linux kernel's."""

import trio
from end import converse


async def main(host):
    (listener,) = await trio.open_tcp_listeners(host.arguments["port"], host=host.arguments["address"])
    await converse(host, await listener.accept())
    await trio.sleep_forever()
