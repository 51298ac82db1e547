"""A serial line: the input and output around your `framing.py`."""

from collections import deque

from framing import Decoder, encode


class Line:
    """Messages over a link that carries bytes, at most 16 at a time, and none too carefully."""

    def __init__(self, link):
        self._link = link
        self._decoder = Decoder()
        self._messages = deque()

    async def send(self, message: bytes) -> None:
        """Put one message on the line, a piece at a time."""
        data = encode(message)
        for start in range(0, len(data), self._link.longest):
            await self._link.send(data[start : start + self._link.longest])

    async def receive(self) -> bytes:
        """Return the next message that comes through whole, however long that takes."""
        while not self._messages:
            self._messages.extend(self._decoder.feed(await self._link.receive()))
        return self._messages.popleft()
