"""Ethernet, its header packed with struct."""

import struct

BROADCAST = bytes.fromhex("ffffffffffff")
HEADER = struct.Struct("!6s6sH")
OURS = 0x88B5


class Cable:
    def __init__(self, link):
        self.link = link

    async def send(self, message, to=BROADCAST):
        await self.link.send(HEADER.pack(to, self.link.address, OURS) + message)

    async def receive(self):
        async for frame in self.link:
            if len(frame) < HEADER.size:
                continue
            to, source, ethertype = HEADER.unpack_from(frame)
            if ethertype != OURS:
                continue
            if to == BROADCAST or to == self.link.address:
                return source, frame[HEADER.size :]
        raise EOFError
