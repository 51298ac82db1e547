"""A router whose table somebody has written by hand: `routes` holds pairs of a network and the number of a link."""

from ipaddress import IPv4Network

import trio
from forwarding import Table
from passing_on import pass_on

from netstack.packet import DATA, PacketError, from_ethernet


async def main(host):
    table = Table()
    for network, link in host.arguments["routes"]:
        table.add(IPv4Network(network), link)
    async with trio.open_nursery() as nursery:
        for link in host.links:
            nursery.start_soon(listen, host.links, link, table)


async def listen(links, link, table):
    async for frame in link:
        try:
            packet = from_ethernet(frame)
        except PacketError:
            continue  # not ours, or damaged
        if packet.kind == DATA:
            await pass_on(links, packet, table)
