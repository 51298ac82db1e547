"""players: keeps the cards, and answers. Below its socket is your TCP."""

import trio
from business import players_of
from machine import machine

from netstack.driver import own_host


async def main(host):
    async with own_host(machine(host), [host.link]):
        (listener,) = await trio.open_tcp_listeners(host.arguments["port"], host=host.arguments["address"])
        stream = await listener.accept()
        waiting = b""
        while piece := await stream.receive_some(4096):
            *questions, waiting = (waiting + piece).split(b"\n")
            for team in questions:
                names = players_of(team.decode("utf-8", "replace"))
                await stream.send_all("".join(f"{name}\n" for name in names).encode() + b"\n")
