"""The office: signs players. When no answer comes in time it opens another connection, and asks once more.

What is meant is named once, by an identity, and all tries carry it. Whoever says `Herons?` hears who plays for them.
"""

import trio
from caller import CallFailed, Refused, calling

TRIES = 5


async def main(host):
    async with trio.open_nursery() as nursery:
        async for order in host.app:
            nursery.start_soon(obey, host, order.decode())


async def obey(host, order):
    if order.endswith("?"):
        call = "of", {"team": order.removesuffix("?")}, ""
    else:
        player, _, team = order.partition(" for ")
        call = "sign", {"team": team, "player": player}, f"{host.random.getrandbits(64):016x}"
    for _ in range(TRIES):
        try:
            result = await once(host, *call)
        except Refused as error:
            host.app.send_nowait(f"{order}: refused: {error}".encode())
            return
        except (CallFailed, OSError):
            continue
        host.app.send_nowait(f"{order}: {result}".encode())
        return
    host.app.send_nowait(f"{order}: nobody knows".encode())


async def once(host, method, arguments, identity):
    """One try, on a connection of its own."""
    settings = host.arguments
    failure = None
    async with calling(settings["players"], settings["port"]) as players:
        try:
            return await players.call(method, arguments, identity=identity, patience=settings["patience"])
        except CallFailed as error:
            failure = error  # raised here, it would come out in a group
    raise failure
