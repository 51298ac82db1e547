"""A learning switch: the links around `netstack/switching.py`, which is there to be read."""

import trio

from netstack.switching import Switch


async def main(host):
    switch = Switch(ports=len(host.links))
    async with trio.open_nursery() as nursery:
        for port in range(len(host.links)):
            nursery.start_soon(listen, host.links, port, switch)


async def listen(links, port, switch):
    async for frame in links[port]:
        for other in switch.receive(port, frame, now=trio.current_time()):
            await links[other].send(frame)
