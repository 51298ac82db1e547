"""`host`: all that a program is given.

    async def main(host):
        question = await host.app.receive()      # the judge has a payload for you
        await host.link.send(frame)              # a whole frame, header and all
        frame = await host.link.receive()
        await host.app.send(answer)              # hand a payload to the reader; returns when it has been read

The same object serves a program in virtual time and in real time; only its `Carrier`, which moves messages, differs.
"""

import random
from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

import trio

from labs.testbed.channel import Ask, Consumed, Deliver, Frame, Message, Note, Offer


class Carrier(Protocol):
    """How a host's messages get to the judge, and its frames onto the link."""

    def tell(self, message: Message) -> None:
        """Pass a message to the judge, in order; never blocks."""

    async def transmit(self, link: int, frame: bytes) -> None:
        """Hand a frame to the card of link number `link`."""


class Link:
    """One end of a link. Frames are whole: with their header, without anything that the card adds or removes.

    `name` is the interface (`a-eth0`), `address` its MAC as six bytes, `longest` the longest frame in bytes.
    """

    def __init__(self, carrier: Carrier, number: int, settings: Mapping[str, Any]) -> None:
        self.name: str = settings["name"]
        self.address: bytes = bytes.fromhex(settings["address"].replace(":", ""))
        self.longest: int = settings["longest"]
        self._carrier = carrier
        self._number = number
        self._arrived: deque[bytes] = deque()
        self._waiting = trio.lowlevel.ParkingLot()

    async def send(self, frame: bytes) -> None:
        """Put a frame on the link, and go on: it may have to wait for its turn there, or get lost.

        Raises `ValueError` for a frame that is empty or longer than the card takes.
        """
        if not 0 < len(frame) <= self.longest:
            raise ValueError(f"{self.name} takes frames of 1 to {self.longest} bytes; this one has {len(frame)}")
        await self._carrier.transmit(self._number, bytes(frame))

    async def receive(self) -> bytes:
        """Return the next frame that arrives, however long that takes."""
        if self._arrived:
            await trio.lowlevel.checkpoint()  # as everything in trio: others get their turn, and a cancellation counts
        while not self._arrived:
            await self._waiting.park()
        return self._arrived.popleft()

    def arrive(self, frame: bytes) -> None:
        """For the carrier: a frame has come in."""
        self._arrived.append(frame)
        self._waiting.unpark()

    def __aiter__(self) -> "Link":
        return self

    async def __anext__(self) -> bytes:
        return await self.receive()


class AppPort:
    """An application port. Its far end is not on the network: it stands for the people who use this application."""

    def __init__(self, carrier: Carrier, number: int) -> None:
        self._carrier = carrier
        self._number = number
        self._offers: deque[bytes] = deque()
        self._asked = 0  # payloads asked for that have not come yet
        self._receivers = 0
        self._offer_waiting = trio.lowlevel.ParkingLot()
        self._consumer_waiting = trio.lowlevel.ParkingLot()
        self.delivered = 0
        """How many payloads this program has handed over so far."""
        self.consumed = 0
        """How many of them have been read so far."""

    async def receive(self) -> bytes:
        """Return the next payload that the application wants handled."""
        self._receivers += 1
        try:
            if self._asked + len(self._offers) < self._receivers:  # else one that gave up has asked for us
                self._carrier.tell(Ask(self._number))
                self._asked += 1
            await trio.lowlevel.checkpoint()
            while not self._offers:
                await self._offer_waiting.park()
            return self._offers.popleft()
        finally:
            self._receivers -= 1

    def send_nowait(self, payload: bytes) -> None:
        """Hand over a payload and go on at once; it waits in the reader's queue, however long that grows."""
        self._carrier.tell(Deliver(self._number, bytes(payload)))
        self.delivered += 1

    async def send(self, payload: bytes) -> None:
        """Hand over a payload, and return when the reader has read it."""
        self.send_nowait(payload)
        await self.wait_consumed(self.delivered)

    async def wait_consumed(self, total: int) -> None:
        """Return when the reader has read at least `total` payloads."""
        await trio.lowlevel.checkpoint()
        while self.consumed < total:
            await self._consumer_waiting.park()

    def arrive(self, message: Offer | Consumed) -> None:
        """For the carrier: the judge has answered."""
        match message:
            case Offer(_, payload):
                self._asked -= 1
                self._offers.append(payload)
                self._offer_waiting.unpark()
            case Consumed(_, total):
                self.consumed = total
                self._consumer_waiting.unpark_all()

    def __aiter__(self) -> "AppPort":
        return self

    async def __anext__(self) -> bytes:
        return await self.receive()


class Host:
    """The machine that a program runs on."""

    def __init__(self, carrier: Carrier, settings: Mapping[str, Any]) -> None:
        self.name: str = settings["host"]
        self.arguments: dict[str, Any] = settings["arguments"]
        self.random = random.Random(settings["seed"])
        """A generator of this program's own, the same on every run with the same seed."""
        self.links = tuple(Link(carrier, number, link) for number, link in enumerate(settings["links"]))
        self.apps = {name: AppPort(carrier, number) for number, name in enumerate(settings["ports"])}
        self.names: dict[str, list[str]] = settings["names"]
        """The IPv4 addresses of the hosts in this scene that have any."""
        self._ports = tuple(self.apps.values())
        self._carrier = carrier

    @property
    def link(self) -> Link:
        """The only link of this host; raises `LookupError` where there are none, or several."""
        if len(self.links) != 1:
            names = ", ".join(link.name for link in self.links) or "none"
            raise LookupError(
                f"host {self.name} does not have one link but {len(self.links)} ({names}): use host.links"
            )
        return self.links[0]

    @property
    def app(self) -> AppPort:
        """The application port called `app`."""
        if "app" not in self.apps:
            raise LookupError(f"host {self.name} has no application port called 'app' in this scene")
        return self.apps["app"]

    def note(self, text: str) -> None:
        """Write something on this program's lane of the diagram. It counts for nothing."""
        self._carrier.tell(Note(text))

    def arrive(self, message: Message) -> None:
        """For the carrier: pass on what the judge has sent. Numbers that this host does not have are ignored."""
        match message:
            case Frame(number, data) if number < len(self.links):
                self.links[number].arrive(data)
            case Offer(number, _) | Consumed(number, _) if number < len(self._ports):
                self._ports[number].arrive(message)
