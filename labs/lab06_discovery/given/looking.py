"""Somebody who asks the registry again and again who is there, and tells people: the names, or why there are none."""

import trio
from asking import Lines

from mesh.failures import CallFailed


async def main(host):
    lines, registry = Lines(), tuple(host.arguments["registry"])
    at = trio.current_time() + host.arguments["begin"]
    while True:
        await trio.sleep_until(at)
        try:
            found = await lines.find(registry, "players", host.arguments["query"])
            told = " ".join(each.name for each in found)
        except CallFailed as failure:
            told = f"! {failure.status.name}"
        host.app.send_nowait(told.encode())
        at += host.arguments["every"]
