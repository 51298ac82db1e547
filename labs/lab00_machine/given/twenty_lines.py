"""Trio in twenty lines. Say which word is delivered when; then play it and see: `./lab run 0 --scene twenty-lines`."""

import trio


async def main(host):
    first, second, third, patience = host.arguments["seconds"]
    await say(host, first, b"first")  # `await`: go on when it is done
    with trio.move_on_after(patience):  # a cancel scope: what is not done by then is given up
        async with trio.open_nursery() as nursery:  # a nursery: goes on when all its tasks are done
            nursery.start_soon(say, host, second, b"second")  # a task: runs beside the others
            nursery.start_soon(say, host, third, b"third")
            await say(host, 0.1, b"meanwhile")
    await say(host, 0.1, b"last")


async def say(host, seconds, word):
    await trio.sleep(seconds)  # other tasks run meanwhile; `time.sleep` would stop them all
    await host.app.send(word)  # a payload for whoever reads at the application port
