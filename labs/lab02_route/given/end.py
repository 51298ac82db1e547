"""An end: a machine that has an address, one link, and behind it a router that knows the way."""

from ipaddress import IPv4Address

from netstack.packet import BROADCAST, DATA, Packet, PacketError, from_ethernet, in_ethernet

LIFE = 40  # how many routers a packet may pass, and one more


class End:
    """The end on `host`, at the address that its arguments name."""

    def __init__(self, host):
        self._link = host.link
        self.address = IPv4Address(host.arguments["address"])

    async def send(self, payload: bytes, to: IPv4Address):
        """Send one packet to the end at `to`; whether it arrives, nobody says."""
        packet = Packet(to, self.address, payload, ttl=LIFE)
        await self._link.send(in_ethernet(packet, destination=BROADCAST, source=self._link.address))

    async def receive(self) -> tuple[IPv4Address, bytes]:
        """Return the next packet for this end: where it came from, and what it says."""
        while True:
            try:
                packet = from_ethernet(await self._link.receive())
            except PacketError:
                continue
            if packet.kind == DATA and packet.destination == self.address:
                return packet.source, packet.payload
