"""Unmodified trio programs on hosts of our own, in one process and in virtual time."""

import random
from collections.abc import Awaitable, Callable

import pytest
import trio

from labs.testbed import jump
from netstack.host import Host, Interface
from netstack.machine import Machine
from netstack.names import Names
from netstack.packets import number
from netstack.sockets import Sockets

NANO = 1_000_000_000
DELAY = 5_000_000


class Network:
    """Two machines, `a` at 10.0.0.1 and `b` at 10.0.0.2, and a wire of 5 ms between them."""

    def __init__(self, clock: jump.Jump) -> None:
        self.clock = clock
        self.machines = {
            name: Machine(
                Host(
                    interfaces=[Interface("eth0", bytes((2, 0, 0, 0, 0, index)), number(f"10.0.0.{index}"), 24)],
                    randomness=random.Random(index),
                )
            )
            for index, name in enumerate("ab", 1)
        }
        self.sockets: dict[str, Sockets] = {}
        self.alarms: dict[str, int] = {}

    @property
    def now(self) -> float:
        return self.clock.now / NANO

    def program(self, host: str, name: str) -> Sockets:
        """Sockets for a program on `host`."""
        self.machines[host].start(name)

        def hand_over(request: object) -> None:
            self.machines[host].request(name, request, now=self.now)  # type: ignore[arg-type]
            self.carry(host)

        names = Names({"a": ["10.0.0.1"], "b": ["10.0.0.2"]})
        self.sockets[name] = Sockets(hand_over, names)
        return self.sockets[name]

    def carry(self, host: str) -> None:
        machine = self.machines[host]
        while any(map(machine.has_news, machine.programs)):
            for name in machine.programs:
                for answer in machine.answers(name, now=self.now):
                    self.sockets[name].receive(answer)
        for _, frame in machine.frames_to_send():
            other = "b" if host == "a" else "a"
            self.clock.call_at(self.clock.now + DELAY, self.arrive, other, frame)
        due = machine.next_timer()
        if due is not None:
            at = -int(-due * NANO // 1)
            if at < self.alarms.get(host, 1 << 62):
                self.alarms[host] = at
                self.clock.call_at(at, self.ring, host)

    def arrive(self, host: str, frame: bytes) -> None:
        self.machines[host].receive(0, frame, now=self.now)
        self.carry(host)

    def ring(self, host: str) -> None:
        self.alarms.pop(host, None)
        due = self.machines[host].next_timer()
        if due is not None and -int(-due * NANO // 1) <= self.clock.now:
            self.machines[host].handle_timer(now=max(self.now, due))
        self.carry(host)


def on(network: Network, host: str, name: str, program: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        with network.program(host, name).here():
            await program()

    return run


def play(client: Callable[[], Awaitable[None]], server: Callable[[], Awaitable[None]]) -> None:
    """Run `client` on a and `server` on b, until the client returns."""

    async def main(clock: jump.Jump) -> None:
        network = Network(clock)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(on(network, "b", "server", server))
            await on(network, "a", "client", client)()
            nursery.cancel_scope.cancel()

    jump.run(main, limit=600 * NANO)


def test_an_echo() -> None:
    heard = bytearray()
    said = random.Random(1).randbytes(1_000_000)

    async def server() -> None:
        async def echo(stream: trio.SocketStream) -> None:
            async for chunk in stream:
                await stream.send_all(chunk)
            await stream.send_eof()

        await trio.serve_tcp(echo, 80)

    async def client() -> None:
        await trio.sleep(0.1)  # until the server listens
        stream = await trio.open_tcp_stream("b", 80)
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def say() -> None:
                await stream.send_all(said)
                await stream.send_eof()

            async for chunk in stream:
                heard.extend(chunk)

    play(client, server)
    assert bytes(heard) == said


def test_nobody_listens() -> None:
    async def client() -> None:
        with pytest.raises(OSError, match=r"[Rr]efused|failed"):
            await trio.open_tcp_stream("b", 81)

    async def server() -> None:
        await trio.sleep_forever()

    play(client, server)
