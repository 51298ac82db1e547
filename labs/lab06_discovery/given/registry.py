"""registry: your `Registry`, asked and told over the network.

What is said on the wire stands in `mesh/discovery/registry/wire.py`, and its server calls your `handle_timer` when
`next_timer` says so. Everything that is decided is decided by yours.
"""

import trio
from leases import Registry

from mesh.discovery.registry.desk import Desk
from mesh.discovery.registry.server import serve


async def main(host):
    await trio.sleep(host.arguments["begin"])
    leases = Registry(randomness=host.random, **host.arguments["registry"])
    await serve(Desk(leases=leases, now=trio.current_time()), host.arguments["port"], host="0.0.0.0")
