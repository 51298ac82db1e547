"""Ways to instances that tell what becomes of them, at the port `ways`: opened, closing, closed."""

import trio

from mesh.layers import Endpoint
from mesh.rpc import http_endpoint


def told_way(host, instance):
    """As `http_endpoint`, and whoever looks is told."""

    def tell(what):
        host.apps["ways"].send_nowait(f"{what} {instance.name}".encode())

    async def aclose():
        tell("closing")
        await trio.lowlevel.checkpoint()  # who is cancelled, and not shielded, comes no further
        await endpoint.aclose()
        tell("closed")

    endpoint = http_endpoint(instance)
    tell("opened")
    return Endpoint(endpoint.service, aclose)
