"""A router of few words: it says how far it is to one network, once a second, and from some moment on that it is lost.

Its arguments: the `network`, the `metric`, and `lost_at` in seconds. It stands for all that lies behind it.
"""

from ipaddress import IPv4Network

import trio

from netstack.packet import BROADCAST, NOBODY, VECTOR, Entry, Packet, build_vector, in_ethernet

BEGIN = 0.5
PERIOD = 1.0
INFINITY = 16


async def main(host):
    network, metric, lost_at = (host.arguments[name] for name in ("network", "metric", "lost_at"))
    at = BEGIN
    while True:
        await trio.sleep_until(at)
        vector = build_vector([Entry(IPv4Network(network), metric if at < lost_at else INFINITY)])
        packet = Packet(NOBODY, NOBODY, vector, ttl=1, kind=VECTOR)
        await host.link.send(in_ethernet(packet, destination=BROADCAST, source=host.link.address))
        at = min(at + PERIOD, lost_at) if at < lost_at else at + PERIOD
