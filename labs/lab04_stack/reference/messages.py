"""Messages on a byte stream: each is its length, in four bytes, highest first, and then itself.

A stream has no boundaries: what was sent in one piece may arrive in ten, and what was sent in ten in one. It loses
nothing and damages nothing either, so a length is all that is needed, and a wrong one is the end: there is no way back
to a beginning, and whoever sent it is mistaken, or means harm. Hence the limit, without which four bytes could ask for
four gigabytes of memory.

What always holds: how the stream was cut makes no difference; fewer than `limit` + 4 bytes of a message that is not
whole are kept.
"""

LIMIT = 1 << 16
LENGTH = 4


class MessageError(Exception):
    """Bytes that are no stream of messages, or a message that is too long for one."""


def encode(payload: bytes, *, limit: int = LIMIT) -> bytes:
    """Return the bytes that carry `payload`; raises `MessageError` when it is longer than `limit`."""
    if len(payload) > limit:
        raise MessageError(f"{len(payload)} bytes are too many for a message: at most {limit}")
    return len(payload).to_bytes(LENGTH, "big") + payload


class Decoder:
    """Finds the messages in a stream, however it is cut into pieces."""

    def __init__(self, *, limit: int = LIMIT) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, piece: bytes) -> None:
        """Take in the next bytes of the stream."""
        self._buffer += piece

    def message(self) -> bytes | None:
        """Return the next message, or None until all of it is there; raises `MessageError` for one beyond the limit."""
        length = int.from_bytes(self._buffer[:LENGTH], "big")
        if len(self._buffer) < LENGTH:
            return None
        if length > self._limit:
            raise MessageError(f"a message of {length} bytes is announced: at most {self._limit}")
        if len(self._buffer) < LENGTH + length:
            return None
        payload = bytes(self._buffer[LENGTH : LENGTH + length])
        del self._buffer[: LENGTH + length]
        return payload

    def end(self) -> None:
        """The stream has ended; raises `MessageError` if that was in the midst of a message."""
        buffer = self._buffer
        at = 0
        while at < len(buffer):  # whole messages may wait to be fetched
            at += LENGTH + int.from_bytes(buffer[at : at + LENGTH], "big")
        if at > len(buffer):
            raise MessageError("the stream ended in the midst of a message")
