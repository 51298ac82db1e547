"""teams, on your client: it asks players in production, wherever the registry says that they are."""

from functools import partial

import trio
from client import client
from moving import moved
from parts import parts, settings
from people import ask_for_people
from ways import told_way
from where import registry

from mesh.rpc import http_endpoint

FOREVER = float("inf")


async def main(host):
    terms = host.arguments
    await trio.sleep(terms.get("begin", 0.0))
    with trio.move_on_at(terms.get("end", FOREVER)):
        async with client(
            terms.get("service", "players"),
            discovery=registry(host),
            parts=parts(host),
            settings=settings(host),
            stack=partial(changed, host),
            connect=partial(told_way, host) if "ways" in host.apps else http_endpoint,
            **terms["query"],
        ) as players:

            async def ask(team):
                return await players.call("of", {"team": team}, key=team if terms.get("keys", True) else "")

            await ask_for_people(host, ask)
    await trio.sleep_forever()


def changed(host, stack):
    """`stack` with the `changes` that the arguments ask for, and then with those of your `swap.py`, one by one."""
    for change in host.arguments.get("changes", []):
        stack = moved(stack, *change)
    if "swap" not in host.arguments:
        return stack
    import swap

    host.apps["roles"].send_nowait(" ".join(stack.roles).encode())
    for name in host.arguments["swap"].split():
        more = [lambda name: host.apps["notes"].send_nowait(name.encode())] if name == "noted" else []
        stack = getattr(swap, name)(stack, *more)
    host.apps["roles"].send_nowait(" ".join(stack.roles).encode())
    return stack
