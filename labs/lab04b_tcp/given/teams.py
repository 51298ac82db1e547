"""teams: people ask it who plays for a team; it asks players, and tells them. Below its socket is your TCP.

A stream has no messages: a question is a line, and an answer is lines, of which the last is empty.
"""

import trio
from business import answer, team_asked_about
from machine import machine

from netstack.driver import own_host


async def main(host):
    async with own_host(machine(host), [host.link]):
        stream = await trio.open_tcp_stream(host.arguments["calls"], host.arguments["port"])
        waiting = b""
        async for question in host.app:
            team = team_asked_about(question)
            await stream.send_all(team.encode() + b"\n")
            while not (b"\n\n" in waiting or waiting.startswith(b"\n")):
                waiting += await stream.receive_some(4096)
            if waiting.startswith(b"\n"):
                names, waiting = b"", waiting[1:]
            else:
                names, _, waiting = waiting.partition(b"\n\n")
            await host.app.send(answer(team, names.decode("utf-8", "replace").splitlines()))
