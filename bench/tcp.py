"""TCP: ours, below trio's sockets and on a packet socket, beside the kernel's and PyTCP's.

One program measures them all. It talks to a peer on the kernel's TCP, in a process on the machine's other processor,
across a veth pair without offloads; what differs is whose TCP is below the program. Segments are 1,500 bytes: the
kernel, too, has to make and check every one. With loss and delay the relay lies between, which treats all alike.
"""

import importlib.util
import os
import signal
import socket
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import trio
from mininet.topo import Topo

from bench.rows import Row
from labs.testbed import enclave
from labs.testbed.beside import KERNELS, MAC, OURS, Beside, host_of_our_own
from labs.testbed.network import Network
from labs.testbed.relay import Line, Relay
from netstack.driver import own_host
from netstack.link.packet_socket import PacketSocket
from netstack.wire import Wire

BULK = 25.0  # MB/s, both ways
ECHO = 0.3  # ms
LOSSY = 0.8  # of what the kernel gets
PORT = 5000
CHUNK = 1 << 16
MEGABYTE = 1_000_000
TCP_CONGESTION = 13
LIMIT = 120  # s
BY_RELAY = "kernel, by our relay"
IMPAIRED: dict[str, object] = {"delay": "10ms", "loss": 1}  # each way; loss in percent
NO_PYTCP = "PyTCP is not installed"


@dataclass(frozen=True, slots=True)
class Bulk:
    """So many bytes a second: of the clock, and of the processor's time of whoever is measured."""

    rate: float
    per_cpu: float


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds: of round trips, and of opening a connection."""

    median: float
    p99: float
    connect: float


def rows(quick: bool) -> Iterable[Row]:
    """Bytes in bulk, small round trips, and what loss and delay leave of it."""
    if reason := enclave.available():
        yield Row(what="TCP", ours=None, unit="MB/s", note=reason)
        return
    rounds = 3 if quick else 7
    yield from _in_bulk(5 if quick else 50, rounds)
    yield from _small(300 if quick else 2000, rounds)
    yield from _with_loss(1 if quick else 5, 2 if quick else 5)


def _in_bulk(megabytes: int, rounds: int) -> Iterator[Row]:
    """In turns, so that what else the machine does is shared fairly."""
    ways: dict[tuple[str, str], list[Bulk]] = {}
    count = megabytes * MEGABYTE
    for turn in range(rounds):
        for way, measured in (("kernel to ours", _taken), ("ours to kernel", _given)):
            for who in ("ours", "kernel"):
                ways.setdefault((way, who), []).append(enclave.call(_on_veth, who, measured, count))
            ways.setdefault((way, BY_RELAY), []).append(enclave.call(_on_relay, "kernel", measured, count, 0, {}))
            if not turn and _has_pytcp():  # it is as slow each time
                ways[way, "PyTCP"] = [enclave.call(_on_veth, "PyTCP", measured, MEGABYTE // 2)]
    for what in ("kernel to ours", "ours to kernel"):
        best = {who: _best(runs) for (way, who), runs in ways.items() if way == what}
        yield Row(what=what, ours=best["ours"].rate, unit="MB/s", goal=BULK)
        for peer in ("kernel", BY_RELAY, "PyTCP"):
            theirs = best[peer].rate if peer in best else None
            note = "" if peer in best else NO_PYTCP
            yield Row(what=what, ours=best["ours"].rate, unit="MB/s", peer_name=peer, peer=theirs, note=note)
        yield Row(what=f"{what}, a second of our processor", ours=best["ours"].per_cpu, unit="MB/s")


def _best(runs: Iterable[Bulk]) -> Bulk:
    """The fastest of each, for whatever else the machine does makes them slower, never faster."""
    each = list(runs)
    return Bulk(max(run.rate for run in each), max(run.per_cpu for run in each))


def _small(count: int, rounds: int) -> Iterator[Row]:
    taken: dict[str, list[Times]] = {}
    for turn in range(rounds):
        for who in ("ours", "kernel", "PyTCP"):
            if who != "PyTCP" or (_has_pytcp() and not turn):
                taken.setdefault(who, []).append(enclave.call(_on_veth, who, _echoed, count))
    for what, of, goal in (
        ("echo of 16 B, median", lambda each: each.median, ECHO),
        ("echo of 16 B, 99th percentile", lambda each: each.p99, None),
        ("opening a connection, median", lambda each: each.connect, None),
    ):
        times = {who: min(map(of, runs)) * 1000 for who, runs in taken.items()}
        ours = times["ours"]
        yield Row(what=what, ours=ours, unit="ms", goal=goal, smaller_is_better=True)
        for peer in ("kernel", "PyTCP"):
            note = "" if peer in times else NO_PYTCP
            theirs = times.get(peer)
            yield Row(what=what, ours=ours, unit="ms", peer_name=peer, peer=theirs, smaller_is_better=True, note=note)


def _with_loss(megabytes: int, seeds: int) -> Iterator[Row]:
    """The same luck for all: a wire's fates hang on its seed. It is the sender who slows down, or does not."""
    rates: dict[tuple[str, str], list[float]] = {}
    for seed in range(seeds):
        for who in ("ours", "kernel"):
            for way, measured in (("ours to kernel", _given), ("kernel to ours", _taken)):
                bulk = enclave.call(_on_relay, who, measured, megabytes * MEGABYTE, seed, IMPAIRED)
                rates.setdefault((way, who), []).append(bulk.rate)
    for way in ("ours to kernel", "kernel to ours"):
        ours, kernels = (statistics.median(rates[way, who]) for who in ("ours", "kernel"))
        what = f"{way}, 1 % loss and 20 ms there and back"
        yield Row(what=what, ours=ours, unit="MB/s", peer_name="kernel", peer=kernels, goal=LOSSY)


def _has_pytcp() -> bool:
    return importlib.util.find_spec("pytcp") is not None


# What is measured: a program on a stream, and what it asks of its peer.

Connect = Callable[[], Awaitable[Any]]
Measured = Callable[[Connect, int], Awaitable[Any]]


async def _taken(connect: Connect, count: int) -> Bulk:
    """Let the peer send `count` bytes."""
    stream = await connect()
    began, spent = time.perf_counter(), time.process_time()
    await stream.send_all(_order(b"G", count))
    got = 0
    while got < count:
        got += len(await stream.receive_some(CHUNK))
    return _bulk(count, began, spent)


async def _given(connect: Connect, count: int) -> Bulk:
    """Send `count` bytes, and hear that they have come."""
    stream, chunk = await connect(), bytes(CHUNK)
    began, spent = time.perf_counter(), time.process_time()
    await stream.send_all(_order(b"T", count))
    for start in range(0, count, CHUNK):
        await stream.send_all(chunk[: count - start])
    await stream.receive_some(1)
    return _bulk(count, began, spent)


def _bulk(count: int, began: float, spent: float) -> Bulk:
    megabytes = count / MEGABYTE
    return Bulk(megabytes / (time.perf_counter() - began), megabytes / (time.process_time() - spent))


async def _echoed(connect: Connect, count: int) -> Times:
    opening = []
    for _ in range(max(5, count // 50)):
        began = time.perf_counter()
        stream = await connect()
        opening.append(time.perf_counter() - began)
        await stream.send_all(_order(b"E", 0))
        await stream.aclose()
    stream, taken = await connect(), []
    await stream.send_all(_order(b"E", 16 * count))
    for _ in range(count):
        began = time.perf_counter()
        await stream.send_all(bytes(16))
        await stream.receive_some(16)
        taken.append(time.perf_counter() - began)
    return Times(statistics.median(taken), sorted(taken)[int(count * 0.99)], statistics.median(opening))


def _order(what: bytes, count: int) -> bytes:
    return what + count.to_bytes(8, "big")


def _serve(listener: socket.socket) -> None:
    """The peer: gives, takes or echoes as many bytes as it is told."""
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            order = connection.recv(9, socket.MSG_WAITALL)
            count = int.from_bytes(order[1:], "big")
            if order[:1] == b"G":
                for start in range(0, count, CHUNK):
                    connection.sendall(bytes(min(CHUNK, count - start)))
                connection.recv(1)
            elif order[:1] == b"T":
                while count:
                    count -= len(connection.recv(min(count, 1 << 20)))
                connection.sendall(b".")
            else:
                while piece := connection.recv(16):
                    connection.sendall(piece)


# Where it is measured.


def _on_veth(who: str, measured: Measured, count: int) -> Any:
    """In an enclave: a kernel's host beside the one that is measured."""
    beside = Beside()
    if who == "kernel":
        beside.give_to_the_kernel()
    with beside.kernels.entered():
        listener = _listener()
    with beside.ours.entered():
        return _measure(who, beside.open_card(), listener, measured, count)


class _Pair(Topo):
    def build(self, *, addresses: bool, **properties: object) -> None:
        a = self.addHost("a", ip=f"{OURS}/24" if addresses else None)
        self.addLink(a, self.addHost("b", ip=f"{KERNELS}/24"), **properties)


def _on_relay(who: str, measured: Measured, count: int, seed: int, properties: dict[str, object]) -> Any:
    """In an enclave: the same two, with a wire between them that has these properties."""
    with Network(_Pair(addresses=who == "kernel", **properties)) as network:
        link = network.plan.links[0]
        a, b = (network.open_relay_socket(end.name) for end in link.ends)
        wires = [
            Wire(direction=way, link=link.name, profile=link.profile, seed=seed, classify=_kind)
            for way in ("a-b", "b-a")
        ]
        lines = [Line(wires[0], a, b), Line(wires[1], b, a)]
        relay = Relay(lines, epoch=time.time_ns(), judged=False)
        with network.net["b"].space.entered():
            listener = _listener()
        with network.net["a"].space.entered():
            measured_there = _measure(who, network.open_packet_socket("a", "a-eth0"), listener, measured, count)
        list(relay.stop())
        return measured_there


def _kind(frame: bytes) -> str:
    """What carries data is counted by itself, so that the n-th such frame has the same luck whoever sends it."""
    return "data" if len(frame) > 600 else "other"


def _listener() -> socket.socket:
    listener = socket.create_server((KERNELS, PORT))
    listener.setsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, b"cubic")  # as ours; a kernel may prefer another
    return listener


def _measure(who: str, card: socket.socket, listener: socket.socket, measured: Measured, count: int) -> Any:
    """Run the program on the TCP of `who`, with the peer on another processor."""
    peer = os.fork()
    if peer == 0:
        _use_processor(1)
        _serve(listener)
    listener.close()
    _use_processor(0)

    async def main() -> Any:
        async with _TCPS[who](card) as connect:
            with trio.fail_after(LIMIT):
                return await measured(connect, count)

    try:
        return trio.run(main)
    finally:
        os.kill(peer, signal.SIGKILL)
        os.waitpid(peer, 0)


def _use_processor(number: int) -> None:
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processors[number % len(processors)]})


# Whose TCP is below the program.


@asynccontextmanager
async def _ours(card: socket.socket) -> AsyncIterator[Connect]:
    async def connect() -> trio.SocketStream:
        return await trio.open_tcp_stream(KERNELS, PORT)

    async with own_host(host_of_our_own(), [PacketSocket(card)], linger=0):
        yield connect


@asynccontextmanager
async def _kernels(card: socket.socket) -> AsyncIterator[Connect]:
    card.close()

    async def connect() -> trio.SocketStream:
        made = trio.socket.socket()
        made.setsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, b"cubic")
        await made.connect((KERNELS, PORT))
        return trio.SocketStream(made)

    yield connect


@asynccontextmanager
async def _pytcps(card: socket.socket) -> AsyncIterator[Connect]:
    """PyTCP 2.7, told what its own constructor would tell it, with our packet socket in place of a TAP of its own."""
    from pytcp import config
    from pytcp.lib import stack
    from pytcp.lib.ip4_address import Ip4Host
    from pytcp.lib.mac_address import MacAddress

    config.LOG_CHANEL = set()
    config.IP6_SUPPORT = config.IP4_HOST_DHCP = False
    card.setblocking(True)
    stack.packet_handler.assign_mac_address(mac_unicast=MacAddress(MAC.hex(":")))
    stack.packet_handler.assign_ip4_address(Ip4Host(f"{OURS}/24"))
    for part in (stack.timer, stack.arp_cache):
        part.start()
    for ring in (stack.rx_ring, stack.tx_ring):
        ring.start(card.fileno())
    stack.packet_handler.start()
    stack.packet_handler.acquire_ip4_addresses()

    async def connect() -> _BlockingStream:
        return _BlockingStream()

    yield connect
    for part in (stack.packet_handler, stack.tx_ring, stack.rx_ring, stack.arp_cache, stack.timer):
        part.stop()


class _BlockingStream:
    """A socket of PyTCP's, in the form of a stream. It blocks, and nobody minds: nothing else is running."""

    def __init__(self) -> None:
        from pytcp.lib.socket import AF_INET4, SOCK_STREAM
        from pytcp.lib.socket import socket as make

        self._socket = make(AF_INET4, SOCK_STREAM)
        self._socket.connect((KERNELS, PORT))

    async def send_all(self, data: bytes) -> None:
        self._socket.send(data)

    async def receive_some(self, most: int) -> bytes:
        return bytes(self._socket.recv(most))

    async def aclose(self) -> None:
        self._socket.close()


_TCPS = {"ours": _ours, "kernel": _kernels, "PyTCP": _pytcps}
