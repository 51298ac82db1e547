"""The cable: messages as what Ethernet frames carry.

So far this does on Ethernet what it did on the serial line: it cuts each message into framed pieces, and puts every
piece into a frame of its own. The handout, step 3, says what may go.
"""

from collections import deque

from framing import Decoder, encode

BROADCAST = b"\xff" * 6
ETHERTYPE = b"\x88\xb5"
PIECE = 16


class Cable:
    """Messages over an Ethernet link."""

    def __init__(self, link):
        self._link = link
        self._decoder = Decoder()
        self._messages = deque()

    async def send(self, message: bytes, to: bytes = BROADCAST) -> None:
        """Send one message to the station at the address `to`; unless told, to all."""
        header = to + self._link.address + ETHERTYPE
        data = encode(message)
        for start in range(0, len(data), PIECE):
            await self._link.send(header + data[start : start + PIECE])

    async def receive(self) -> tuple[bytes, bytes]:
        """Return the next message that is for this station, and the address it came from: (source, message)."""
        while not self._messages:
            frame = await self._link.receive()
            source, piece = frame[6:12], frame[14:]
            for message in self._decoder.feed(piece):
                self._messages.append((source, message))
        return self._messages.popleft()
