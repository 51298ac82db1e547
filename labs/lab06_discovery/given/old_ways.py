"""teams, as it used to find players: by a hosts file, by DNS, by DNS with ports, or by a balancer in the middle.

One question each `every` seconds; people hear the answer, or that there is none.
"""

import tempfile
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import trio
from asking import Lines
from business import answer, apology

from mesh.discovery.dns.cache import DnsError
from mesh.discovery.dns.resolver import Resolver
from mesh.discovery.hosts import Hosts
from mesh.failures import CallFailed

PORT = 8080
TEAM = "Herons"


async def main(host):
    began = trio.current_time()
    terms, lines, app = host.arguments, Lines(), host.apps[host.arguments["way"]]
    async with trio.open_nursery() as nursery, AsyncExitStack() as stack:
        where = await WAYS[terms["way"]](host, stack, nursery)
        at = began + terms["every"]
        while True:
            await trio.sleep_until(at)
            app.send_nowait(await said(lines, await where()))
            at += terms["every"]


async def said(lines, where):
    """What people hear."""
    if where is not None:
        try:
            with trio.fail_after(1.0):
                return answer(TEAM, await lines.call(where, "players.Players/of", {"team": TEAM}))
        except (CallFailed, trio.TooSlowError):
            pass
    return apology(TEAM)


async def by_hosts(host, stack, nursery):
    """A file, which somebody edits by hand."""
    file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "hosts"
    (_, first), *edits = host.arguments["hosts"]
    file.write_text(first)
    nursery.start_soon(edit, file, edits)
    found = await stack.enter_async_context(Hosts(file, every=0.4).watch("players"))

    async def where():
        return (found.instances[0].address, found.instances[0].port) if found.instances else None

    return where


async def edit(file, edits):
    """Somebody with an editor."""
    began = trio.current_time()
    for at, content in edits:
        await trio.sleep_until(began + at)
        file.write_text(content)


async def by_dns(host, stack, nursery, kind="A"):
    """A resolver that remembers what it was told, for as long as it was told to."""
    resolver = Resolver(servers=[(host.arguments["nameserver"], 53)], randomness=host.random)

    async def where():
        try:
            name, port = "players.town.", PORT
            if kind == "SRV":
                services = (await resolver.resolve("_players._tcp.town.", "SRV")).records
                if not services:
                    return None
                name, port = services[0].target.to_text(), services[0].port
            addresses = (await resolver.resolve(name, "A")).records
            return (addresses[0].to_text(), port) if addresses else None
        except DnsError:
            return None

    return where


async def by_balancer(host, stack, nursery):
    """Always the balancer."""

    async def where():
        return host.arguments["balancer"], PORT

    return where


WAYS = {"hosts": by_hosts, "dns": by_dns, "srv": partial(by_dns, kind="SRV"), "balancer": by_balancer}
