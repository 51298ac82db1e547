"""The two ways in which a program's messages travel: in turns, under virtual time, or freely, in real time."""

import os
import socket
from collections.abc import Callable, Sequence

import trio

from labs.testbed.channel import Decoder, Frame, Grant, Message, Stop, Wait, encode

FLUSH_AT = 1 << 16  # bytes: a program that sends without ever blocking must not fill its own memory
LONGEST_FRAME = 1 << 16


class TurnTaking:
    """Virtual time: what the program says is kept until all its tasks are blocked, then `exchange` hands it over."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._decoder = Decoder()
        self._outbox = bytearray()
        self.arrive: Callable[[Message], None] = lambda message: None
        self.stop: Callable[[], None] = lambda: None

    def tell(self, message: Message) -> None:
        self._outbox += encode(message)
        if len(self._outbox) > FLUSH_AT:
            self.flush()

    async def transmit(self, link: int, frame: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self.tell(Frame(link, frame))

    def flush(self) -> None:
        """Send all that has been told so far; ends this process when the judge has gone."""
        try:
            self._channel.sendall(self._outbox)
        except OSError:
            os._exit(0)
        self._outbox.clear()

    def exchange(self, deadline: int) -> int:
        """End this turn: all tasks are blocked until `deadline`. Block until the judge grants a time, and return it."""
        self.tell(Wait(deadline))
        self.flush()
        while True:
            for message in self._decoder.feed(self._read()):
                match message:
                    case Grant(now):
                        return now
                    case Stop():
                        self.stop()
                    case _:
                        self.arrive(message)

    def first_message(self) -> Message:
        """Block for the judge's first message, which comes alone."""
        while True:
            for message in self._decoder.feed(self._read()):
                return message

    def _read(self) -> bytes:
        try:
            data = self._channel.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            os._exit(0)  # The judge has gone, and nobody is left to tell.
        return data


class RealTime:
    """Real time: messages travel at once; frames travel over packet sockets, one per link, opened by the testbed."""

    def __init__(self, channel: socket.socket, links: Sequence[socket.socket]) -> None:
        channel.setblocking(False)
        self._channel = trio.socket.from_stdlib_socket(channel)
        self._links = [_nonblocking(link) for link in links]
        self._send, self._outgoing = trio.open_memory_channel[bytes](10_000)
        self.arrive: Callable[[Message], None] = lambda message: None
        self.stop: Callable[[], None] = lambda: None

    def tell(self, message: Message) -> None:
        self._send.send_nowait(encode(message))

    async def transmit(self, link: int, frame: bytes) -> None:
        await self._links[link].send(frame)

    async def run(self) -> None:
        """Carry messages and frames until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write)
            nursery.start_soon(self._read)
            for number, link in enumerate(self._links):
                nursery.start_soon(self._receive_frames, number, link)

    async def drain(self) -> None:
        """Send what is still waiting for the judge."""
        while True:
            try:
                await _send_all(self._channel, self._outgoing.receive_nowait())
            except trio.WouldBlock:
                return

    async def _write(self) -> None:
        async for data in self._outgoing:
            await _send_all(self._channel, data)

    async def _read(self) -> None:
        decoder = Decoder()
        while data := await self._channel.recv(1 << 16):
            for message in decoder.feed(data):
                if isinstance(message, Stop):
                    self.stop()
                else:
                    self.arrive(message)
        self.stop()  # The judge has gone.

    async def _receive_frames(self, number: int, link: trio.socket.SocketType) -> None:
        while True:
            self.arrive(Frame(number, await link.recv(LONGEST_FRAME)))


def _nonblocking(link: socket.socket) -> trio.socket.SocketType:
    link.setblocking(False)
    return trio.socket.from_stdlib_socket(link)


async def _send_all(channel: trio.socket.SocketType, data: bytes) -> None:
    with trio.CancelScope(shield=True):
        while data:
            data = data[await channel.send(data) :]
