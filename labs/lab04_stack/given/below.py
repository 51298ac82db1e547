"""Runs another program with your stream where the operating system's would stand; the program does not notice.

Whoever asks trio for a TCP stream gets yours, and below it go the frames of lab 3, by your `window.py` and `credit.py`.
There is one connection, between two hosts that know all about each other: no names, no ports, no opening and no
closing. TCP has those too.
"""

from importlib import import_module

import by_credit
import trio
from conversation import Incoming, Line, Outgoing, listen
from stream import CreditStream


async def main(host):
    async with trio.open_nursery() as nursery:
        stack = Stack(host, nursery)
        trio.open_tcp_stream = stack.open_tcp_stream
        trio.serve_tcp = stack.serve_tcp
        await import_module(host.arguments["program"]).main(host)


class Stack:
    """What the host has in place of TCP."""

    def __init__(self, host, nursery) -> None:
        self._host = host
        self._nursery = nursery

    async def open_tcp_stream(self, host, port) -> CreditStream:
        """In place of `trio.open_tcp_stream`."""
        return self._connected()

    async def serve_tcp(self, handler, port, **options) -> None:
        """In place of `trio.serve_tcp`."""
        async with self._connected() as stream:
            await handler(stream)
        await trio.sleep_forever()

    def _connected(self) -> CreditStream:
        settings = self._host.arguments
        line = Line(self._host.link, settings["peer"], settings["flow"])
        outgoing = Outgoing(line, by_credit.sender(settings))
        stream = CreditStream(outgoing.send)
        incoming = Incoming(line, by_credit.receiver(settings), deliver=stream.deliver)
        stream.tell_consumed = incoming.consumed
        self._nursery.start_soon(listen, self._host.link, line, outgoing, incoming)
        self._nursery.start_soon(outgoing.keep_time)
        return stream
