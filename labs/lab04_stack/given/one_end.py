"""Two ends of connections by themselves, and nobody at the other: people say what is called, and hear what came of it.

`1 send_all 1500` calls that on the first end, with so many bytes; `1 deliver 1000` has a message come in; `1 grant 2`
is credit for two messages. The answer to the third order begins with `3:`. What an end sends, and what it says of
messages consumed, is told too.
"""

import trio
from stream import CreditStream


async def main(host):
    ends = {"1": End("1", host.app), "2": End("2", host.app)}
    async with trio.open_nursery() as nursery:
        number = 0
        async for order in host.app:
            number += 1
            which, call, *size = order.decode().split()
            nursery.start_soon(ends[which].obey, number, call, *map(int, size))


class End:
    """A `CreditStream`, with people below it."""

    def __init__(self, name: str, app) -> None:
        self._name = name
        self._app = app
        self._credit = trio.Semaphore(0)
        self._consumed = 0
        self._stream = CreditStream(self._send)
        self._stream.tell_consumed = self._tell_consumed

    async def obey(self, number: int, call: str, *size: int) -> None:
        """Do what is ordered, and tell what came of it."""
        try:
            came = await getattr(self, call, getattr(self._stream, call, None))(*self._meant(call, size))
            self._app.send_nowait(f"{number}: {'done' if came is None else len(came)}".encode())
        except trio.ClosedResourceError:
            self._app.send_nowait(f"{number}: closed".encode())

    def _meant(self, call: str, size: tuple[int, ...]) -> tuple[object, ...]:
        return (bytes(size[0]),) if call in ("send_all", "deliver") else size

    async def deliver(self, message: bytes) -> None:
        """A message comes from below."""
        self._stream.deliver(message)

    async def grant(self, count: int) -> None:
        """There is credit for `count` more messages."""
        for _ in range(count):
            self._credit.release()

    async def _send(self, message: bytes) -> None:
        await self._credit.acquire()
        self._app.send_nowait(f"{self._name} sends {len(message)}".encode())

    async def _tell_consumed(self, total: int) -> None:
        await trio.lowlevel.checkpoint()
        if total != self._consumed:
            self._app.send_nowait(f"{self._name} consumed {total}".encode())
        self._consumed = total
