"""Somebody at the hub who hears everything, and at times says something in another's name, by your `forge.py`.

`orders` are lists of a time in seconds, the name of a function of yours, and its further arguments. Its first one is
the last frame with TCP that this program has heard from the address `as`.
"""

from ipaddress import IPv4Address

import forge
import trio

SHORTEST = 54  # bytes of the headers of Ethernet, IPv4 and TCP
TCP_OVER_IPV4 = b"\x08\x00", 6


async def main(host):
    heard = []
    async with trio.open_nursery() as nursery:
        for order in host.arguments["orders"]:
            nursery.start_soon(obey, host, order, heard)
        async for frame in host.link:
            if _is_from(frame, IPv4Address(host.arguments["as"]).packed):
                heard[:] = [frame]


async def obey(host, order, heard):
    at, function, *more = order
    await trio.sleep(at)
    await host.link.send(getattr(forge, function)(*heard, *more))


def _is_from(frame, address):
    return len(frame) >= SHORTEST and (frame[12:14], frame[23]) == TCP_OVER_IPV4 and frame[26:30] == address
