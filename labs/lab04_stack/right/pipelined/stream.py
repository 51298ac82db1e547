"""A stream that keeps all that has come in one buffer, and knows where each message ends in it."""

from collections import deque

import trio
import trio.lowlevel


class CreditStream(trio.abc.HalfCloseableStream):
    def __init__(self, send):
        self.send = send
        self.tell_consumed = None
        self.buffer = bytearray()
        self.taken = 0  # bytes that the reader has had
        self.ends = deque()  # where messages end, counted from the first byte of all
        self.come = 0
        self.consumed = 0
        self.over = False
        self.told = False
        self.all_said = False
        self.something_new = trio.Event()

    def deliver(self, message):
        self.buffer += message
        self.come += len(message)
        if message:
            self.ends.append(self.come)
        self.over = not message
        self.something_new.set()
        self.something_new = trio.Event()

    async def receive_some(self, max_bytes=None):
        while not self.buffer and not self.over:
            await self.something_new.wait()
        size = len(self.buffer) if max_bytes is None else min(max_bytes, len(self.buffer))
        some = bytes(self.buffer[:size])
        del self.buffer[:size]
        self.taken += size
        before = self.consumed
        if not some and not self.told:
            self.told = True
            self.consumed += 1
        while self.ends and self.ends[0] <= self.taken:
            self.ends.popleft()
            self.consumed += 1
        if self.consumed > before:
            await self.tell_consumed(self.consumed)
        return some

    async def send_all(self, data):
        if self.all_said:
            raise trio.ClosedResourceError
        left = memoryview(data)
        while left:
            await self.send(left[:1000].tobytes())
            left = left[1000:]

    async def wait_send_all_might_not_block(self):
        await trio.lowlevel.checkpoint()

    async def send_eof(self):
        if self.all_said:
            return
        self.all_said = True
        await self.send(b"")

    async def aclose(self):
        await self.send_eof()
