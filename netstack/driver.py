"""A host of our own, alive: trio carries its frames, keeps its time, and gives this task's sockets to it.

    host = Host(interfaces=[Interface("eth0", mac, ip, prefix)], randomness=random.Random(seed))
    async with own_host(host, [PacketSocket.on("a-eth0")]):
        stream = await trio.open_tcp_stream("10.0.0.2", 80)

A link is any object with `send` and `receive` of whole frames, such as a wire of a simulation; or it is a card, which
has frames a burst at a time (`netstack.link`). Several hosts may live in one process, each in a task of its own:
sockets belong to the host of the task that asks for them (`netstack.sockets`).
"""

import errno
import math
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import NoReturn, Protocol, runtime_checkable

import trio

from netstack.host import Host
from netstack.machine import Machine
from netstack.names import Names
from netstack.requests import Answer, Request
from netstack.sockets import Sockets

LINGER = 5.0  # seconds in which connections may end in order after their program
PROGRAM = "main"


class Link(Protocol):
    """An end of a link that carries frames one by one."""

    async def send(self, frame: bytes) -> None:
        """Put a frame on it, as far as it goes."""

    async def receive(self) -> bytes:
        """The next frame that arrives."""


@runtime_checkable
class Card(Protocol):
    """An end of a link that carries them a burst at a time, and never lets a sender wait."""

    async def receive_burst(self) -> list[bytes]:
        """The frames that have arrived since, at least one. Other tasks have a turn, however many there are."""

    def send_at_once(self, frames: Iterable[bytes]) -> None:
        """Put frames on it; what does not go is lost."""


@asynccontextmanager
async def own_host(
    host: Host, links: Sequence[Link | Card], *, names: Names | None = None, linger: float = LINGER
) -> AsyncIterator[Sockets]:
    """Let `host` live at the ends of `links`, one for each of its interfaces; this task's sockets are on it meanwhile.

    In the end sockets are closed as a kernel closes them, and connections have `linger` seconds to end in order.
    """
    queues = {number: _Queue(link) for number, link in enumerate(links) if not isinstance(link, Card)}
    cards = [link if isinstance(link, Card) else queues[number] for number, link in enumerate(links)]
    driver = _Driver(Machine(host), cards)
    sockets = Sockets(driver.request, names or Names())
    driver.sockets = sockets
    async with trio.open_nursery() as nursery:
        for number in range(len(cards)):
            nursery.start_soon(driver.receive, number)
        for queue in queues.values():
            nursery.start_soon(queue.serve)
        nursery.start_soon(driver.keep_time)
        with sockets.here():
            yield sockets
        with trio.move_on_after(linger):
            await driver.end()
            for queue in queues.values():
                await queue.run_empty()
        nursery.cancel_scope.cancel()


@dataclass(slots=True)
class _Queue:
    """Makes a card of a link that carries frames one by one: they wait here while it lets us wait."""

    link: Link
    _out: deque[bytes] = field(default_factory=deque)
    _changed: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)

    async def receive_burst(self) -> list[bytes]:
        return [await self.link.receive()]

    def send_at_once(self, frames: Iterable[bytes]) -> None:
        self._out.extend(frames)
        self._changed.unpark_all()

    async def serve(self) -> NoReturn:
        """Send what is to be sent, in order."""
        while True:
            while not self._out:
                await self._changed.park()
            await self.link.send(self._out[0])
            self._out.popleft()
            self._changed.unpark_all()

    async def run_empty(self) -> None:
        """Wait until all has been sent."""
        while self._out:
            await self._changed.park()


@dataclass(slots=True)
class _Driver:
    """Does what has to be done around a machine, after each thing that happens to it."""

    machine: Machine
    cards: Sequence[Card]
    sockets: Sockets = field(init=False)
    _alarm: trio.CancelScope = field(default_factory=trio.CancelScope)
    _changed: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)

    def __post_init__(self) -> None:
        self.machine.start(PROGRAM)

    def request(self, request: Request) -> None:
        """The program makes a system call. When it has ended, a task of it that is left has no sockets any more."""
        if PROGRAM not in self.machine.programs:
            self.sockets.receive(Answer(request.call, errno.EBADF))
            return
        self.machine.request(PROGRAM, request, now=trio.current_time())
        self._carry()

    async def receive(self, number: int) -> NoReturn:
        """Take in what arrives on link `number`."""
        while True:
            frames = await self.cards[number].receive_burst()
            self.machine.receive_burst(number, frames, now=trio.current_time())
            self._carry()

    async def keep_time(self) -> NoReturn:
        """Ring when the machine wants it."""
        while True:
            with trio.CancelScope(deadline=self._due()) as self._alarm:
                await trio.sleep_forever()
            self.machine.handle_timer(now=trio.current_time())
            self._carry()

    async def end(self) -> None:
        """The program is at its end: close its sockets, and wait until their connections are over."""
        self.machine.end(PROGRAM, now=trio.current_time())
        self._carry()
        while not self.machine.at_rest:
            await self._changed.park()

    def _carry(self) -> None:
        """See to all that has come of whatever has just happened."""
        while self.machine.has_news(PROGRAM):
            for answer in self.machine.answers(PROGRAM, now=trio.current_time()):
                self.sockets.receive(answer)
        for number, frames in groupby(self.machine.frames_to_send(), key=itemgetter(0)):
            self.cards[number].send_at_once(frame for _, frame in frames)
        self._changed.unpark_all()
        due = self._due()
        if due != self._alarm.deadline:
            self._alarm.deadline = due

    def _due(self) -> float:
        due = self.machine.next_timer()
        return math.inf if due is None else due
