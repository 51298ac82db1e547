"""A stream as a queue of what is left of each message."""

from collections import deque

import trio
from trio.abc import HalfCloseableStream

LONGEST = 1000


class CreditStream(HalfCloseableStream):
    def __init__(self, send):
        self._send = send
        self._queue = deque()
        self._wait = trio.lowlevel.ParkingLot()
        self._total = 0
        self._eof_sent = False

    def deliver(self, message):
        self._queue.append(message)
        self._wait.unpark_all()

    async def receive_some(self, max_bytes=None):
        await trio.lowlevel.checkpoint()
        while not self._queue:
            await self._wait.park()
        message = self._queue.popleft()
        if message == b"":
            self._queue.append(b"")  # the end stays where it is
            if self._total >= 0:
                total, self._total = self._total + 1, -1
                await self.tell_consumed(total)
            return b""
        if max_bytes is not None and len(message) > max_bytes:
            self._queue.appendleft(message[max_bytes:])
            return message[:max_bytes]
        self._total += 1
        await self.tell_consumed(self._total)
        return message

    async def send_all(self, data):
        if self._eof_sent:
            raise trio.ClosedResourceError("nothing follows the end")
        begin = 0
        while begin < len(data):
            await self._send(bytes(data)[begin : begin + LONGEST])
            begin += LONGEST

    async def wait_send_all_might_not_block(self):
        await trio.lowlevel.checkpoint()

    async def send_eof(self):
        if not self._eof_sent:
            self._eof_sent = True
            await self._send(b"")

    async def aclose(self):
        await self.send_eof()
