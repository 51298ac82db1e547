"""Frames over an emulated link: ours beside the kernel's own bridge and a relay as one would first write it, with trio.

Two hosts, packet sockets, offloads off. A generator floods one end from a processor of its own, and the other end's
card counts. The bridge does its work on the generator's processor, a relay on the other one, so that these ratios
flatter the relays: per frame, a relay costs the machine about three times as much.
"""

import ctypes
import json
import os
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import trio
from mininet.topo import SingleSwitchTopo, Topo

from bench.rows import Row
from labs.testbed import enclave, kernel
from labs.testbed.namespace import Namespace, open_packet_socket
from labs.testbed.network import FastMininet, Network
from labs.testbed.relay import Line, Relay
from netstack.wire import MILLISECOND, SECOND, Wire

UNSHAPED, SHAPED = 0.6, 0.5  # of the bridge's frames
MEAN_ERROR, P99_ERROR = 0.15, 0.6  # ms, of a delay of 10 ms
OF_THEORY = 0.98  # of what TCP can carry at 100 Mbit/s
SHORT, FULL = 64, 1514  # bytes of a frame
BATCH = 64  # frames that the generator hands over at once
SO_TIMESTAMPNS = 35
OURS = b"\x88\xb5"  # the EtherType for experiments
A, B = "02:00:00:00:01:00", "02:00:00:00:02:00"


def rows(quick: bool) -> Iterable[Row]:
    """Frames a second, round trips, the accuracy of a delay, and TCP at a rate."""
    if reason := enclave.available():
        yield Row(what="links", ours=None, unit="frames/s", note=reason)
        return
    seconds = 0.7 if quick else 3.0
    rounds = 1 if quick else 3
    for size in (SHORT, FULL):
        yield from _throughput(size, seconds, rounds)
    yield from _round_trips(1000 if quick else 5000)
    yield from _accuracy(150 if quick else 500)
    yield _tcp(3 if quick else 10)


def _throughput(size: int, seconds: float, rounds: int) -> Iterator[Row]:
    """In turns, so that what else the machine does is shared fairly."""
    ways: dict[str, Callable[[int, float], float]] = {
        "bridge": _flooded_bridge,
        "naive": _flooded_naively,
        "unshaped": lambda *how: _flooded_relay(*how, judged=False),
        "shaped": lambda *how: _flooded_relay(*how, judged=False, delay="10ms"),
        "judged": lambda *how: _flooded_relay(*how, judged=True),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, flooded in ways.items():
            taken[name].append(enclave.call(flooded, size, seconds))
    rate = {name: statistics.median(values) / 1000 for name, values in taken.items()}
    for name, what, goal in (
        ("unshaped", "nothing done to them", UNSHAPED),
        ("shaped", "10 ms late", SHAPED),
        ("judged", "every fate reported", None),
    ):
        what = f"frames of {size} B, {what}"
        yield Row(what=what, ours=rate[name], unit="k/s", peer=rate["bridge"], peer_name="bridge", goal=goal)
        yield Row(what=what, ours=rate[name], unit="k/s", peer=rate["naive"], peer_name="naive trio relay")


def _round_trips(count: int) -> Iterator[Row]:
    ours = enclave.call(_relay_round_trip, count) * 1000
    for name, measured in (("bridge", _bridge_round_trip), ("naive trio relay", _naive_round_trip)):
        peer = enclave.call(measured, count) * 1000
        yield Row(what="round trip, median", ours=ours, unit="ms", peer=peer, peer_name=name, smaller_is_better=True)


def _accuracy(count: int) -> Iterator[Row]:
    errors = sorted(enclave.call(_errors_of_delay, count))
    mean, p99 = statistics.fmean(errors), errors[int(len(errors) * 0.99)]
    for what, value, goal in (("mean", mean, MEAN_ERROR), ("99th percentile", p99, P99_ERROR)):
        yield Row(what=f"error of a 10 ms delay, {what}", ours=value, unit="ms", goal=goal, smaller_is_better=True)


def _tcp(seconds: int) -> Row:
    what = "TCP at 100 Mbit/s and 10 ms each way"
    theory = 100 * 1448 / 1514
    if not shutil.which("iperf3"):
        return Row(what=what, ours=None, unit="Mbit/s", peer=theory, peer_name="theory", note="iperf3 is not installed")
    goodput = enclave.call(_iperf, seconds)
    return Row(what=what, ours=goodput, unit="Mbit/s", peer=theory, peer_name="theory", goal=OF_THEORY)


# Two hosts, joined in one way or another.

Host = tuple[Namespace, socket.socket]


class _Pair(Topo):
    def build(self, *, addresses: bool = False, **properties: object) -> None:
        hosts = [self.addHost(name, ip=f"10.0.0.{i}/24" if addresses else None) for i, name in enumerate("ab", 1)]
        self.addLink(*hosts, **properties)


@contextmanager
def _relayed(judged: bool = False, **properties: object) -> Iterator[Network]:
    """A network of two hosts whose link leads through our relay, on a processor of its own."""
    with Network(_Pair(**properties)) as network:
        link = network.plan.links[0]
        a, b = (network.open_relay_socket(end.name) for end in link.ends)
        lines = [
            Line(Wire(direction=direction, link=link.name, profile=link.profile), source, target)
            for direction, source, target in (("a-b", a, b), ("b-a", b, a))
        ]
        _use_processor(0)
        relay = Relay(lines, epoch=time.time_ns(), judged=judged)
        _use_processor(1)
        yield network
        del relay


def _hosts(network: Network) -> tuple[Host, Host]:
    a, b = ((network.net[name].space, network.open_packet_socket(name, f"{name}-eth0")) for name in "ab")
    return a, b


@contextmanager
def _naive() -> Iterator[tuple[Host, Host]]:
    with Network(_Pair()) as network:
        sockets = [network.open_relay_socket(f"{name}-eth0") for name in "ab"]
        hosts = _hosts(network)
        _use_processor(0)
        relay = os.fork()
        if relay == 0:
            trio.run(_relay_naively, sockets)
        _use_processor(1)
        yield hosts
        os.kill(relay, signal.SIGKILL)
        os.waitpid(relay, 0)


async def _relay_naively(sockets: Sequence[socket.socket]) -> None:
    one, other = (trio.socket.from_stdlib_socket(each) for each in sockets)

    async def carry(source: trio.socket.SocketType, target: trio.socket.SocketType) -> None:
        while True:
            await target.send(await source.recv(65536))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(carry, one, other)
        nursery.start_soon(carry, other, one)


@contextmanager
def _bridged() -> Iterator[tuple[Host, Host]]:
    net = FastMininet(SingleSwitchTopo(k=2))
    net.start()
    hosts = []
    for name, address in (("h1", A), ("h2", B)):
        space = net[name].space
        space.links.change(f"{name}-eth0", address=address)
        with space.entered():
            hosts.append((space, open_packet_socket(f"{name}-eth0")))
    while not net["s1"].connected():
        time.sleep(0.01)
    hosts[1][1].send(_frame(A, B))  # so that the bridge knows where B is
    _use_processor(1)
    yield hosts[0], hosts[1]
    net.stop()


def _use_processor(number: int) -> None:
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(os.getppid()))[number % (os.cpu_count() or 1)]})


def _frame(to: str, sender: str, payload: bytes = bytes(SHORT - 14)) -> bytes:
    return bytes.fromhex((to + sender).replace(":", "")) + OURS + payload


# What is measured on them.


def _flooded_relay(size: int, seconds: float, *, judged: bool, **properties: object) -> float:
    with _relayed(judged, **properties) as network:
        return _flood(*_hosts(network), size, seconds)


def _flooded_naively(size: int, seconds: float) -> float:
    with _naive() as hosts:
        return _flood(*hosts, size, seconds)


def _flooded_bridge(size: int, seconds: float) -> float:
    with _bridged() as hosts:
        return _flood(*hosts, size, seconds)


def _flood(sender: Host, receiver: Host, size: int, seconds: float) -> float:
    """Send as fast as the kernel takes it; return the frames a second that reach the receiver's card."""
    frame = ctypes.create_string_buffer(_frame(B, A, bytes(size - 14)), size)
    vector = (ctypes.c_uint64 * 2)(ctypes.addressof(frame), size)
    headers = (ctypes.c_uint64 * (8 * BATCH))(*([0, 0, ctypes.addressof(vector), 1, 0, 0, 0, 0] * BATCH))
    send = kernel.libc().sendmmsg
    space, listening = receiver
    listening.close()  # only the card counts
    before, began = _received(space), time.perf_counter()
    while time.perf_counter() < began + seconds:
        for _ in range(16):
            send(sender[1].fileno(), headers, BATCH, 0)
    return (_received(space) - before) / (time.perf_counter() - began)


def _received(space: Namespace) -> int:
    """The frames that all of a host's cards have received."""
    with space.entered(), open("/proc/thread-self/net/dev", encoding="ascii") as counters:
        return sum(int(line.split(":")[1].split()[1]) for line in counters if "eth" in line)


def _relay_round_trip(count: int) -> float:
    with _relayed() as network:
        return _ping_pong(*_hosts(network), count)


def _naive_round_trip(count: int) -> float:
    with _naive() as hosts:
        return _ping_pong(*hosts, count)


def _bridge_round_trip(count: int) -> float:
    with _bridged() as hosts:
        return _ping_pong(*hosts, count)


def _ping_pong(one: Host, other: Host, count: int) -> float:
    """The median seconds that a frame takes there and back; others' frames, such as a kernel's own, do not count."""
    (_, here), (_, there) = one, other
    here.setblocking(True)
    there.setblocking(True)
    echo = os.fork()
    if echo == 0:
        while True:
            if (frame := there.recv(2048))[12:14] == OURS:
                there.send(_frame(A, B, frame[14:]))
    taken = []
    for number in range(count):
        payload = number.to_bytes(SHORT - 14, "big")
        began = time.perf_counter()
        here.send(_frame(B, A, payload))
        while here.recv(2048)[14:] != payload:
            continue
        taken.append(time.perf_counter() - began)
    os.kill(echo, signal.SIGKILL)
    os.waitpid(echo, 0)
    return statistics.median(taken)


def _errors_of_delay(count: int) -> list[float]:
    """How many ms too late each of `count` frames reaches the other card, one every 15 ms or so."""
    with _relayed(delay="10ms") as network:
        (_, a), (_, b) = _hosts(network)
        b.setblocking(True)
        b.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        errors = []
        for number in range(count):
            time.sleep(0.001 + number % 7 * 0.0005)
            sent = time.time_ns()
            a.send(_frame(B, A))
            _, control, _, _ = b.recvmsg(2048, 64)
            seconds, nanoseconds = struct.unpack("qq", control[0][2])
            errors.append((seconds * SECOND + nanoseconds - sent - 10 * MILLISECOND) / MILLISECOND)
        return errors


def _iperf(seconds: int) -> float:
    """Mbit/s that TCP carries, once it has got going."""
    with _relayed(addresses=True, bw=100, delay="10ms", max_queue_size=200) as network:
        a, b = network.net["a"], network.net["b"]
        server = b.popen(["iperf3", "--server", "--one-off", "--forceflush"], stdout=subprocess.PIPE)
        server.stdout.readline()
        client = a.popen(["iperf3", "--client", "10.0.0.2", "--json", "--omit", "2", "--time", str(seconds)])
        report, _ = client.communicate(timeout=seconds + 30)
        server.kill()
        return float(json.loads(report)["end"]["sum_received"]["bits_per_second"]) / 1e6
