"""The cable: messages as what Ethernet frames carry.

The card delimits, and the card checks: what it hands up is a whole frame that its own CRC-32 has passed. So a message
needs nothing around it but the frame's header, and `framing.py` is no longer wanted here.
"""

BROADCAST = b"\xff" * 6
ETHERTYPE = b"\x88\xb5"


class Cable:
    """Messages over an Ethernet link."""

    def __init__(self, link):
        self._link = link

    async def send(self, message: bytes, to: bytes = BROADCAST) -> None:
        """Send one message to the station at the address `to`; unless told, to all."""
        await self._link.send(to + self._link.address + ETHERTYPE + message)

    async def receive(self) -> tuple[bytes, bytes]:
        """Return the next message that is for this station, and the address it came from: (source, message)."""
        while True:
            frame = await self._link.receive()
            destination, source, ethertype, message = frame[:6], frame[6:12], frame[12:14], frame[14:]
            if ethertype == ETHERTYPE and destination in (BROADCAST, self._link.address):
                return source, message
