"""A class for whoever calls."""

from functools import partial

import trio
from business import players_of
from letterbox import Letterbox


async def main(host):
    await trio.serve_tcp(partial(Caller.serve, Caller), host.arguments["port"])


class Caller:
    async def serve(self, stream):
        box = Letterbox(stream)
        try:
            while True:
                question = await box.receive()
                if question is None:
                    return
                names = players_of(question.decode("utf-8"))
                await box.send("\n".join(names).encode("utf-8"))
        except Exception as error:
            print("a caller is gone:", error)
