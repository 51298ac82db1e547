"""players: keeps the cards, and answers whoever connects, over TCP."""

from contextlib import suppress

import trio
from business import players_of
from letterbox import Letterbox
from messages import MessageError


async def main(host):
    await trio.serve_tcp(answer_all, host.arguments["port"])


async def answer_all(stream):
    teams = Letterbox(stream)
    with suppress(MessageError, trio.BrokenResourceError):  # what one caller does is no business of the others
        while (team := await teams.receive()) is not None:
            await teams.send("\n".join(players_of(team.decode("utf-8", "replace"))).encode())
