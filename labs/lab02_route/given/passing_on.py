"""What every router does, however its table was filled: take a packet in, and pass it on by your `forwarding.py`."""

from forwarding import Expired, NoRoute, forward

from netstack.packet import BROADCAST, in_ethernet


async def pass_on(links, packet, table):
    """Send `packet` on by the link that `table` names, or drop it: nobody is told."""
    try:
        onward, way_out = forward(packet, table)
    except (Expired, NoRoute):
        return
    await send(links[way_out], onward)


async def send(link, packet):
    """Put `packet` on `link`. A link of this lab joins two machines, so its frames are for whoever is there."""
    await link.send(in_ethernet(packet, destination=BROADCAST, source=link.address))
