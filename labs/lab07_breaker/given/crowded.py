"""players, before a crowd: it says yes to every call, or no as long as it is ill."""

import trio
from calling import PORT
from lines import Lines


async def main(host):
    well_from = trio.current_time() + host.arguments["well_from"]

    async def answer(stream):
        lines = Lines(stream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lines.write)
            async for line in lines.read():
                lines.add(f"{line} {'yes' if trio.current_time() >= well_from else 'no'}")
            nursery.cancel_scope.cancel()

    await trio.serve_tcp(answer, PORT)
