"""A byte stream whose sending waits for credit: what a socket is to a program, made of lab 3's messages.

Whatever is sent is cut into messages of at most `PIECE` bytes; below, each waits until the window and the credit allow
it, and `send_all` waits with it. A message has been consumed when its last byte has been read, and not before: that is
what moves the other side's credit on. The empty message is the end.
"""

import math
from collections.abc import Awaitable, Callable

import trio
from trio.abc import HalfCloseableStream

PIECE = 1000
END = b""


class CreditStream(HalfCloseableStream):
    """One end of a connection. `send(message)` waits for credit; the shell sets `tell_consumed(total)`."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        self.tell_consumed: Callable[[int], Awaitable[None]]
        self._send = send
        self._arrivals, self._arrived = trio.open_memory_channel[bytes](math.inf)
        self._rest = b""
        self._consumed = 0
        self._has_sent_end = self._has_ended = False

    def deliver(self, message: bytes) -> None:
        """The next message has come; called from below."""
        self._arrivals.send_nowait(message)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return some bytes as soon as there are any, at most `max_bytes`; none at the end."""
        if self._has_ended:
            return b""
        if not self._rest:
            self._rest = await self._arrived.receive()
            self._has_ended = self._rest == END
        some, self._rest = self._rest[:max_bytes], b"" if max_bytes is None else self._rest[max_bytes:]
        if not self._rest:
            self._consumed += 1
            with trio.CancelScope(shield=True):  # else `some` would be lost
                await self.tell_consumed(self._consumed)
        return some

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes; return when the last of them is on its way, and not before."""
        if self._has_sent_end:
            raise trio.ClosedResourceError("the end has been sent")
        for begin in range(0, len(data), PIECE):
            await self._send(bytes(data[begin : begin + PIECE]))

    async def wait_send_all_might_not_block(self) -> None:
        """It always might."""
        await trio.lowlevel.checkpoint()

    async def send_eof(self) -> None:
        """Tell the other side that this was all."""
        if not self._has_sent_end:
            self._has_sent_end = True
            await self._send(END)

    async def aclose(self) -> None:
        """Tell the other side that this was all, if it has not been told."""
        await self.send_eof()
