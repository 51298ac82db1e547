"""Our TCP on one end of a link, Linux's on the other, and a wire of ours between them that does what a case asks for.

A scenario runs in an enclave of its own, in one process: our end's sockets are those of a task inside `Ground.ours`,
the kernel's are ordinary ones made in its namespace. What comes of it is handed back as plain values.
"""

import hashlib
import random
import socket
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio

from labs.testbed import enclave
from labs.testbed.beside import KERNELS, OURS, Beside, host_of_our_own
from netstack.driver import own_host
from netstack.link.packet_socket import PacketSocket
from netstack.tcp import Connection, Settings
from netstack.wire import SECOND, Fault, Profile, Wire

TCP_CONGESTION = 13
PORT = 80
CHUNK = 1 << 16
KERNELS_OPTIONS = {"timestamps": 1, "sack": 2, "wscale": 4, "ecn": 8}  # bits of tcpi_options in struct tcp_info

needs_an_enclave = pytest.mark.skipif(bool(enclave.available()), reason=str(enclave.available()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is unlike the default: our settings, the kernel's (`/proc/sys/net/ipv4`), or the wire between them."""

    ours: Settings = Settings()
    kernels: Mapping[str, str] = field(default_factory=dict)
    congestion: str = "cubic"
    """The kernel's."""
    profile: Profile = Profile()
    script: tuple[str, ...] = ()
    """Faults, with `ours-kernel` and `kernel-ours` for the directions, `link` for the link, and the kinds of `kind`."""


def kind(frame: bytes) -> str:
    """What the wire calls a frame: what carries data has more bytes than headers and options could."""
    return "data" if len(frame) > 14 + 20 + 60 else "other"


@dataclass(slots=True, eq=False)
class Impaired:
    """A card behind two wires. `faults` counts what they have done to frames, by action."""

    card: PacketSocket
    out: Wire
    back: Wire
    faults: Counter[str] = field(default_factory=Counter)
    _arrived: list[bytes] = field(default_factory=list)
    _arrival: trio.Event = field(default_factory=trio.Event)
    _began: float = field(default_factory=trio.current_time)

    def __post_init__(self) -> None:
        trio.lowlevel.spawn_system_task(self._pump)

    async def receive_burst(self) -> list[bytes]:
        await self._arrival.wait()
        self._arrival = trio.Event()
        arrived, self._arrived = self._arrived, []
        return arrived

    def send_at_once(self, frames: Iterable[bytes]) -> None:
        for frame in frames:
            self._offer(self.out, frame, lambda frame: self.card.send_at_once([frame]))

    async def _pump(self) -> None:
        while True:
            for frame in await self.card.receive_burst():
                self._offer(self.back, frame, self._arrive)

    def _arrive(self, frame: bytes) -> None:
        self._arrived.append(frame)
        self._arrival.set()

    def _offer(self, wire: Wire, frame: bytes, deliver: Callable[[bytes], None]) -> None:
        now = round((trio.current_time() - self._began) * SECOND)
        fate = wire.offer(frame, now=now)
        self.faults.update(fault.action for fault in fate.faults)
        for delivery in fate.deliveries:
            if delivery.at <= now:
                deliver(delivery.frame)
            else:
                trio.lowlevel.spawn_system_task(
                    self._deliver_late, (delivery.at - now) / SECOND, delivery.frame, deliver
                )

    async def _deliver_late(self, wait: float, frame: bytes, deliver: Callable[[bytes], None]) -> None:
        await trio.sleep(wait)
        deliver(frame)


class Ground:
    """The two hosts. Our host is there as soon as somebody is in `ours`."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.host = host_of_our_own(case.ours)
        self.faults: Counter[str] = Counter()
        self._beside = Beside()
        with self._beside.kernels.entered():
            for name, value in case.kernels.items():
                Path("/proc/sys/net/ipv4", name).write_text(value)

    @asynccontextmanager
    async def ours(self) -> AsyncIterator[None]:
        """This task, and those that it starts meanwhile, are on our host."""
        card = PacketSocket(self._beside.open_card())
        plain = self.case.profile.transparent and not self.case.script
        async with own_host(self.host, [card if plain else self._impaired(card)], linger=0.5):
            yield

    def _impaired(self, card: PacketSocket) -> Impaired:
        script = tuple(Fault.parse(text) for text in self.case.script)
        out, back = (
            Wire(direction=direction, link="link", profile=self.case.profile, script=script, classify=kind)
            for direction in ("ours-kernel", "kernel-ours")
        )
        return Impaired(card, out, back, self.faults)

    def connection(self) -> Connection:
        """The only connection of our host."""
        (connection,) = self.host.ports.connections.values()
        return connection

    # The kernel's end

    def _new_socket(self) -> socket.socket:
        with self._beside.kernels.entered():
            made = socket.socket()
        made.setsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, self.case.congestion.encode())
        return made

    def listener(self, port: int = PORT, backlog: int = 256) -> trio.SocketListener:
        """A listener of the kernel's."""
        made = self._new_socket()
        made.bind((KERNELS, port))
        made.listen(backlog)
        return trio.SocketListener(trio.socket.from_stdlib_socket(made))

    async def connect(self, port: int = PORT) -> trio.SocketStream:
        """A connection of the kernel's to us."""
        made = trio.socket.from_stdlib_socket(self._new_socket())
        await made.connect((OURS, port))
        return trio.SocketStream(made)

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """A program on the kernel's host."""
        with self._beside.kernels.entered():
            return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


Scenario = Callable[..., Awaitable[Any]]


def play(scenario: Scenario, case: Case, *arguments: Any, limit: float = 60) -> Any:
    """Run `scenario(ground, *arguments)` in an enclave; return what it returns."""
    return enclave.call(_play, scenario, case, arguments, limit)


def _play(scenario: Scenario, case: Case, arguments: tuple[Any, ...], limit: float) -> Any:
    async def main() -> Any:
        with trio.fail_after(limit):
            return await scenario(Ground(case), *arguments)

    return trio.run(main)


async def met(ground: Ground, *, we_call: bool) -> tuple[trio.SocketStream, trio.SocketStream]:
    """A connection between the two: our end and the kernel's. To be called inside `ours`."""
    if we_call:
        listener = ground.listener()
        ours = await trio.open_tcp_stream(KERNELS, PORT)
        return ours, await listener.accept()
    (here,) = await trio.open_tcp_listeners(PORT, host=OURS)
    theirs = await ground.connect()
    return await here.accept(), theirs


def pieces(size: int, seed: int) -> Iterator[bytes]:
    """Bytes in which a mistake shows."""
    draw = random.Random(seed)
    for start in range(0, size, CHUNK):
        yield draw.randbytes(min(CHUNK, size - start))


async def say(stream: trio.SocketStream, size: int, seed: int) -> str:
    """Send so many bytes and the end; return their digest."""
    digest = hashlib.sha256()
    for piece in pieces(size, seed):
        digest.update(piece)
        await stream.send_all(piece)
    await stream.send_eof()
    return digest.hexdigest()


async def hear(stream: trio.SocketStream) -> str:
    """The digest of all that comes until the end."""
    digest = hashlib.sha256()
    async for piece in stream:
        digest.update(piece)
    return digest.hexdigest()


async def together(*calls: Callable[[], Awaitable[Any]]) -> list[Any]:
    """Make all calls at once; return what each returns."""
    results: list[Any] = [None] * len(calls)

    async def run(index: int) -> None:
        results[index] = await calls[index]()

    async with trio.open_nursery() as nursery:
        for index in range(len(calls)):
            nursery.start_soon(run, index)
    return results
