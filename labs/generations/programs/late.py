"""A program that starts late: waits until it is time, then is the program that it was asked to be."""

from importlib import import_module

import trio


async def main(host):
    with trio.move_on_at(host.arguments["begins"]):
        await unheard(host)
    await import_module(host.arguments["program"]).main(host)


async def unheard(host):
    """Whoever is not there yet does not hear what is said: let it go."""
    if not host.links:
        await trio.sleep_forever()
    async for _ in host.link:
        pass
