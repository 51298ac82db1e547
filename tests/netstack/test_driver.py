"""Hosts of our own that trio drives: two in one process and virtual time, and one beside the kernel's."""

import errno
import random
import socket

import pytest
import trio

from labs.testbed import enclave, jump
from labs.testbed.beside import KERNELS, Beside, host_of_our_own
from netstack.driver import own_host
from netstack.host import Host, Interface
from netstack.link.packet_socket import PacketSocket
from netstack.names import Names
from netstack.packets import number

NANO = 1_000_000_000
SAID = random.Random(1).randbytes(300_000)
NAMES = Names({"b": ["10.0.0.2"]})


def host(last: int) -> Host:
    interface = Interface("eth0", bytes((2, 0, 0, 0, last, 0)), number(f"10.0.0.{last}"), 24)
    return Host(interfaces=[interface], randomness=random.Random(last))


class Wire:
    """One end of a wire that takes 5 ms, and loses every `loses`-th frame."""

    def __init__(self, loses: int) -> None:
        self.loses, self.sent = loses, 0
        self.other: Wire = self
        self._arrives, self._arrived = trio.open_memory_channel[tuple[float, bytes]](10_000)

    async def send(self, frame: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self.sent += 1
        if self.sent % self.loses:
            self.other._arrives.send_nowait((trio.current_time() + 0.005, frame))

    async def receive(self) -> bytes:
        at, frame = await self._arrived.receive()
        await trio.sleep_until(at)
        return frame


def wire(*, loses: int) -> tuple[Wire, Wire]:
    one, other = Wire(loses), Wire(loses)
    one.other, other.other = other, one
    return one, other


async def echo_once(stream: trio.abc.Stream) -> None:
    """Say back what comes, until the other side has no more to say."""
    while chunk := await stream.receive_some():
        await stream.send_all(chunk)
    await stream.aclose()


async def ask(stream: trio.SocketStream) -> bytes:
    """Say something long; return what is said back."""
    heard = bytearray()
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def say() -> None:
            await stream.send_all(SAID)
            await stream.send_eof()

        async for chunk in stream:
            heard += chunk
    return bytes(heard)


@pytest.mark.parametrize("loses", [1_000_000, 20])
def test_two_hosts_in_one_process(loses: int) -> None:
    """Each task's sockets are on the host that it is on, and on no other."""
    met = []

    async def serve(link: Wire) -> None:
        async def meet(stream: trio.SocketStream) -> None:
            met.append((stream.socket.getsockname(), stream.socket.getpeername()))
            await echo_once(stream)

        async with own_host(host(2), [link]):
            await trio.serve_tcp(meet, 80)

    async def main(clock: jump.Jump) -> bytes:
        one, other = wire(loses=loses)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, other)
            await trio.sleep(0.1)
            async with own_host(host(1), [one], names=NAMES):
                heard = await ask(await trio.open_tcp_stream("b", 80))
            nursery.cancel_scope.cancel()
        return heard

    assert jump.run(main, limit=600 * NANO) == SAID
    assert [(ours[0], theirs[0]) for ours, theirs in met] == [("10.0.0.2", "10.0.0.1")]


def test_what_is_closed_still_arrives() -> None:
    """Leaving the block closes sockets as a kernel does: all that was sent arrives, and the end after it."""
    heard = bytearray()

    async def serve(link: Wire) -> None:
        async def listen(stream: trio.SocketStream) -> None:
            async for chunk in stream:
                heard.extend(chunk)

        async with own_host(host(2), [link]):
            await trio.serve_tcp(listen, 80)

    async def main(clock: jump.Jump) -> None:
        one, other = wire(loses=7)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, other)
            await trio.sleep(0.1)
            async with own_host(host(1), [one], names=NAMES):
                await (await trio.open_tcp_stream("b", 80)).send_all(SAID[:50_000])
            nursery.cancel_scope.cancel()

    jump.run(main, limit=600 * NANO)
    assert bytes(heard) == SAID[:50_000]


def test_a_task_that_outlives_its_host_has_no_sockets() -> None:
    """What it asks for is refused, as with a descriptor that is closed; nothing breaks."""
    said: list[int | None] = []

    async def outlive(ready: trio.Event) -> None:
        made = trio.socket.socket()
        await ready.wait()
        try:
            await made.connect(("10.0.0.2", 80))
        except OSError as error:
            said.append(error.errno)

    async def main(clock: jump.Jump) -> None:
        ready = trio.Event()
        async with trio.open_nursery() as nursery:
            async with own_host(host(1), [wire(loses=7)[0]]):
                nursery.start_soon(outlive, ready)
                await trio.sleep(0.1)
            ready.set()

    jump.run(main, limit=600 * NANO)
    assert said == [errno.EBADF]


def beside_the_kernel() -> bytes:
    """Ask a kernel's listener at 10.0.0.2:80, across a veth pair from our own 10.0.0.1."""
    beside = Beside()
    with beside.kernels.entered():
        listener = socket.create_server((KERNELS, 80))
    link = PacketSocket(beside.open_card())

    async def main() -> bytes:
        async with trio.open_nursery() as nursery:
            serve = trio.SocketListener(trio.socket.from_stdlib_socket(listener))
            nursery.start_soon(trio.serve_listeners, echo_once, [serve])
            async with own_host(host_of_our_own(), [link], names=NAMES):
                heard = await ask(await trio.open_tcp_stream("b", 80))
            nursery.cancel_scope.cancel()
        return heard

    return trio.run(main)


@pytest.mark.skipif(bool(enclave.available()), reason=str(enclave.available()))
def test_our_host_and_the_kernels() -> None:
    assert enclave.call(beside_the_kernel) == SAID
