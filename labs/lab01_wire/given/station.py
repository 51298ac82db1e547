"""A station: the input, the output and the clock around your `cable.py`, `neighbours.py` and `multiplex.py`."""

import math
from contextlib import contextmanager

import trio
from cable import BROADCAST, Cable
from multiplex import Conversation, Multiplexer
from neighbours import Neighbours

SMALLEST = 46  # bytes: Ethernet carries no less, and a card fills up what is shorter


def station_of(host, name: str) -> "Station":
    """Return the station that the scene wants on `host`: called `name` unless it says otherwise."""
    name = host.arguments.get("name", name)
    if "key" not in host.arguments:
        return Station(host.link, name)
    from sealed_station import SealedStation  # only where it is wanted: it needs your `privacy.py`

    return SealedStation(host.link, name, bytes.fromhex(host.arguments["key"]))


class Station:
    """A machine with a name, that finds others by theirs and has many conversations at once.

    station = Station(host.link, "teams")
    nursery.start_soon(station.run)
    names = await station.ask("players", b"Herons")
    """

    def __init__(self, link, name: str) -> None:
        self._cable = Cable(link)
        self._neighbours = Neighbours(name)
        self._multiplexer = Multiplexer()
        self._searched = trio.lowlevel.ParkingLot()
        self._settled = trio.lowlevel.ParkingLot()
        self._answers = {}
        self._asked, self.questions = trio.open_memory_channel(math.inf)

    async def run(self) -> None:
        """Listen, and keep time, for ever."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen)
            nursery.start_soon(self._keep_time)

    async def locate(self, name: str) -> bytes | None:
        """Return the address of the station called `name`; None when nobody answers to it."""
        address = self._neighbours.address_of(name, now=trio.current_time())
        if address is not None:
            return address
        self._neighbours.search(name, now=trio.current_time())
        self._searched.unpark_all()
        while self._neighbours.searching(name):
            await self._settled.park()
        return self._neighbours.address_of(name, now=trio.current_time())

    async def ask(self, name: str, question: bytes, *, patience: float = 5.0) -> bytes | None:
        """Ask the station called `name` in a conversation of its own; return its answer, or None after `patience`."""
        with trio.move_on_after(patience):
            address = await self.locate(name)
            if address is None:
                return None
            with self._conversation(address) as (conversation, answers):
                await self._say(conversation, question)
                return await answers.receive()
        return None

    async def answer(self, conversation: Conversation, data: bytes) -> None:
        """Answer a question that came from `questions`, as (conversation, question)."""
        await self._say(conversation, data)

    def wrap(self, conversation: Conversation, data: bytes) -> bytes:
        """What is said on the wire for `data`; a station that has secrets does more here."""
        return data

    def unwrap(self, conversation: Conversation, data: bytes) -> bytes | None:
        """What `data` from the wire says; None for what is not to be believed."""
        return data

    async def _say(self, conversation: Conversation, data: bytes) -> None:
        message = self._multiplexer.send(conversation, self.wrap(conversation, data))
        await self._send(message, conversation.peer)

    @contextmanager
    def _conversation(self, address: bytes):
        conversation = self._multiplexer.open(address)
        self._answers[conversation], answers = trio.open_memory_channel(math.inf)
        try:
            yield conversation, answers
        finally:
            self._multiplexer.close(conversation)
            self._answers.pop(conversation, None)

    async def _send(self, message: bytes, to: bytes = BROADCAST) -> None:
        await self._cable.send(message.ljust(SMALLEST, b"\0"), to)

    async def _listen(self) -> None:
        while True:
            source, message = await self._cable.receive()
            if message[:1] in (b"\1", b"\2"):
                await self._hear_of_names(source, message)
            elif message[:1] in (b"\3", b"\4"):
                self._hear_of_conversations(source, message)

    async def _hear_of_names(self, source: bytes, message: bytes) -> None:
        reply = self._neighbours.receive(source, message, now=trio.current_time())
        self._settled.unpark_all()
        if reply is not None:
            await self._send(reply, source)

    def _hear_of_conversations(self, source: bytes, message: bytes) -> None:
        heard = self._multiplexer.receive(source, message)
        if heard is None:
            return
        conversation, wrapped = heard
        data = self.unwrap(conversation, wrapped)
        if data is None:
            return
        if not conversation.opened_here:
            self._asked.send_nowait((conversation, data))
        elif conversation in self._answers:
            self._answers[conversation].send_nowait(data)

    async def _keep_time(self) -> None:
        while True:
            due = self._neighbours.next_timer()
            with trio.move_on_at(math.inf if due is None else due):
                await self._searched.park()
            now = trio.current_time()
            for question in self._neighbours.handle_timer(now=now):
                await self._send(question)
            if (due := self._neighbours.next_timer()) is not None and due <= now:
                raise RuntimeError(
                    f"after handle_timer(now={now}) next_timer() still says {due}: nothing would ever end"
                )
            self._settled.unpark_all()
