"""teams, on your client: it asks players in production, wherever the registry says that they are."""

from functools import partial

import trio
from client import client
from moving import moved
from parts import parts, settings
from people import ask_for_people
from where import registry

FOREVER = float("inf")


async def main(host):
    terms = host.arguments
    await trio.sleep(terms.get("begin", 0.0))
    with trio.move_on_at(terms.get("end", FOREVER)):
        async with client(
            "players",
            discovery=registry(host),
            parts=parts(host),
            settings=settings(host),
            stack=partial(changed, host),
            **terms["query"],
        ) as players:

            async def ask(team):
                return await players.call("of", {"team": team}, key=team if terms.get("keys", True) else "")

            await ask_for_people(host, ask)
    await trio.sleep_forever()


def changed(host, stack):
    """`stack` with the `changes` that the arguments ask for, and as one of your `swap.py` has changed it."""
    for change in host.arguments.get("changes", []):
        stack = moved(stack, *change)
    if "swap" not in host.arguments:
        return stack
    import swap

    if host.arguments["swap"] == "noted":
        return swap.noted(stack, lambda name: host.apps["notes"].send_nowait(name.encode()))
    return getattr(swap, host.arguments["swap"])(stack)
