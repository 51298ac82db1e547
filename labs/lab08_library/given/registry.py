"""registry: your `leases.py` of lab 6, asked and told over the network."""

import trio
from leases import Registry

from mesh.discovery.registry.desk import Desk
from mesh.discovery.registry.server import serve


async def main(host):
    leases = Registry(randomness=host.random, **host.arguments["leases"])
    await serve(Desk(leases=leases, now=trio.current_time()), host.arguments["port"], host="0.0.0.0")
