"""players, before a crowd: it says yes to every call, or no as long as it is ill, and at the end when it was called."""

from collections import Counter

import trio
from calling import PORT
from lines import Lines


async def main(host):
    began = trio.current_time()
    called = Counter()

    async def answer(stream):
        lines = Lines(stream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lines.write)
            async for line in lines.read():
                now = trio.current_time() - began
                called[int(now)] += 1
                lines.add(f"{line} {'yes' if now >= host.arguments['well_from'] else 'no'}")
            nursery.cancel_scope.cancel()

    try:
        await trio.serve_tcp(answer, PORT)
    finally:
        seconds = range(max(called, default=0) + 1)
        print("players was called, second by second:", *(called[second] for second in seconds))
