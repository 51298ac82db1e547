"""A byte stream over the messages of lab 3.

So far this sends whatever it is given as one message, whoever may have room for it, and reads message by message. The
handout, step 5, says what to write.
"""

import math

import trio
from trio.abc import HalfCloseableStream


class CreditStream(HalfCloseableStream):
    """One end of a connection. `send(message)` waits for credit; the shell sets `tell_consumed(total)`."""

    def __init__(self, send) -> None:
        self.tell_consumed = None
        self._send = send
        self._arrivals, self._arrived = trio.open_memory_channel(math.inf)

    def deliver(self, message: bytes) -> None:
        """The next message has come; called from below."""
        self._arrivals.send_nowait(message)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return some bytes as soon as there are any, at most `max_bytes`; none at the end."""
        return await self._arrived.receive()

    async def send_all(self, data) -> None:
        """Send bytes; return when the last of them is on its way, and not before."""
        await self._send(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        """It always might."""
        await trio.lowlevel.checkpoint()

    async def send_eof(self) -> None:
        """Tell the other side that this was all."""

    async def aclose(self) -> None:
        """Tell the other side that this was all, if it has not been told."""
