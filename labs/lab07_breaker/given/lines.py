"""Lines of text over a stream."""

import trio


class Lines:
    """One end of a stream. All that is written in one moment goes out together."""

    def __init__(self, stream) -> None:
        self._stream = stream
        self._unsent = []
        self._some = trio.Event()

    def add(self, line: str) -> None:
        """Write a line; returns at once."""
        self._unsent.append(line + "\n")
        self._some.set()

    async def write(self) -> None:
        """Send what is written, for ever."""
        while True:
            await self._some.wait()
            lines, self._unsent, self._some = self._unsent, [], trio.Event()
            await self._stream.send_all("".join(lines).encode())

    async def read(self):
        """What the other side writes, line by line."""
        rest = ""
        async for piece in self._stream:
            *lines, rest = (rest + piece.decode()).split("\n")
            for line in lines:
                yield line
