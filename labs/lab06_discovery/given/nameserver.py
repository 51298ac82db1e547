"""ns: the name server of the town, and whoever edits its zone, at the times that `edits` says."""

import trio

from mesh.discovery.dns.server import serve
from mesh.discovery.dns.zone import Zone


async def main(host):
    began = trio.current_time()
    zone = Zone(origin="town.", ttl=host.arguments["ttl"], negative=host.arguments["negative"])
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, zone)
        for at, name, kind, *values in host.arguments["edits"]:
            await trio.sleep_until(began + at)
            zone.put(name, kind, *values)
