"""A TCP/IP of a program's own on its host's links, in the place of the host's.

    async def main(host):
        async with own_host(host, ip="10.0.0.1/24", parts=Parts(receiver=make_receiver)):
            stream = await trio.open_tcp_stream("10.0.0.2", 8080)     # over the student's parts

The host has no IP address in the scene, so nobody else answers for it: neither the judge on `sim`, nor a kernel.
"""

from contextlib import AbstractAsyncContextManager
from ipaddress import IPv4Interface

from labs.testbed.program.host import Host as Here
from netstack.driver import own_host as driven
from netstack.host import Host, Interface
from netstack.names import Names
from netstack.packets import number
from netstack.sockets import Sockets
from netstack.tcp import OURS, Parts, Settings

ETHERNET_HEADER = 14


def own_host(
    here: Here,
    *,
    ip: str | tuple[str, ...],
    gateway: str | None = None,
    settings: Settings = Settings(),  # noqa: B008 - frozen
    parts: Parts = OURS,
) -> AbstractAsyncContextManager[Sockets]:
    """Give each link of `here` an address such as `10.0.0.1/24`, and run TCP/IP on them; see `netstack.driver`."""
    addresses = [IPv4Interface(each) for each in ((ip,) if isinstance(ip, str) else ip)]
    interfaces = [
        Interface(link.name, link.address, int(address), address.network.prefixlen, link.longest - ETHERNET_HEADER)
        for link, address in zip(here.links, addresses, strict=True)
    ]
    host = Host(
        interfaces=interfaces,
        randomness=here.random,
        settings=settings,
        parts=parts,
        gateway=None if gateway is None else number(gateway),
    )
    own = {here.name: [str(address.ip) for address in addresses]}
    return driven(host, here.links, names=Names(here.names | own))
