"""A letterbox: messages over any of trio's streams, by your `messages.py`."""

from messages import Decoder, encode


class Letterbox:
    """Sends and receives whole messages over `stream`."""

    def __init__(self, stream) -> None:
        self.stream = stream
        self._decoder = Decoder()

    async def send(self, payload: bytes) -> None:
        """Send one message."""
        await self.stream.send_all(encode(payload))

    async def receive(self) -> bytes | None:
        """Return the next message; None when the other side has said all that it had to say."""
        while (payload := self._decoder.message()) is None:
            piece = await self.stream.receive_some()
            if not piece:
                self._decoder.end()
                return None
            self._decoder.feed(piece)
        return payload
