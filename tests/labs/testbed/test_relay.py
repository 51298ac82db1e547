"""The relay carries frames as their wires say, reports each fate, and does so in time."""

import os
import select
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from labs.testbed import enclave

if reason := enclave.available():
    pytest.skip(reason, allow_module_level=True)

from mininet.topo import Topo

from labs.testbed import relay
from labs.testbed.network import Network
from labs.testbed.relay import Line, Record, Relay, Reports
from netstack.wire import MILLISECOND, Fault, Profile, Wire

HEADER = bytes.fromhex("02000000020002000000010088b5")
PROBLEM_AFTER = 10  # seconds in which a busy machine must have carried a frame


def _numbered(count: int, size: int = 64) -> list[bytes]:
    return [HEADER + number.to_bytes(4, "big") + bytes(size - 18) for number in range(count)]


def _receive(at: socket.socket, count: int, quiet: float = PROBLEM_AFTER) -> list[bytes]:
    """The next `count` frames at a socket, or those that come before it is `quiet` seconds silent."""
    frames: list[bytes] = []
    while len(frames) < count and select.select([at], [], [], quiet)[0]:
        frames.append(at.recv(65536))
    return frames


def _send_all(through: socket.socket, frames: Sequence[bytes]) -> None:
    """Send at a pace that any machine can follow: not more than a few hundred at once."""
    for number, frame in enumerate(frames):
        through.send(frame)
        if number % 200 == 199:
            time.sleep(0.005)


def _collect(link: Relay, count: int) -> list[Record]:
    records: list[Record] = []
    while len(records) < count and select.select([link], [], [], PROBLEM_AFTER)[0]:
        records.extend(link.records())
    return records


@contextmanager
def _two_hosts(
    *, judged: bool = True, script: tuple[str, ...] = (), **properties: Any
) -> Iterator[tuple[socket.socket, socket.socket, Relay]]:
    """Hosts a and b on one relayed link: their packet sockets, and the relay."""

    class Pair(Topo):  # type: ignore[misc]
        def build(self) -> None:
            self.addLink(self.addHost("a"), self.addHost("b"), **properties)

    with Network(Pair()) as network:
        profile = network.plan.links[0].profile
        a, b = (network.open_relay_socket(name) for name in ("a-eth0", "b-eth0"))
        faults = tuple(map(Fault.parse, script))
        lines = [
            Line(Wire(direction=direction, link="a-b", profile=profile, script=faults), source, target)
            for direction, source, target in (("a-b", a, b), ("b-a", b, a))
        ]
        hosts = [network.open_packet_socket(host, f"{host}-eth0") for host in "ab"]
        link = Relay(lines, epoch=time.time_ns(), judged=judged)
        yield hosts[0], hosts[1], link
        if not link.ended:
            list(link.stop())


@pytest.mark.parametrize("judged", [True, False])
def test_frames_arrive_whole_and_in_order_both_ways(judged: bool) -> None:
    def carry() -> tuple[list[bytes], list[bytes]]:
        with _two_hosts(judged=judged) as (a, b, _):
            _send_all(a, _numbered(300))
            there = _receive(b, 300)
            _send_all(b, _numbered(300, size=1514))
            return there, _receive(a, 300)

    there, back = enclave.call(carry)
    assert there == _numbered(300)
    assert back == _numbered(300, size=1514)


@pytest.mark.parametrize("properties", [{}, {"delay": "2ms"}, {"bw": 900}, {"bw": 900, "delay": "2ms"}])
def test_an_express_lane_goes_round_its_ring(properties: dict[str, Any]) -> None:
    count = relay.SLOTS_EXPRESS + 1000

    def carry() -> list[bytes]:
        with _two_hosts(judged=False, **properties) as (a, b, _):
            arrived: list[bytes] = []
            for begin in range(0, count, 500):
                batch = _numbered(count)[begin : begin + 500]
                _send_all(a, batch)
                arrived += _receive(b, len(batch))
            return arrived

    assert enclave.call(carry) == _numbered(count)


@pytest.mark.parametrize("judged", [True, False])
def test_a_delay_is_kept_and_hardly_exceeded(judged: bool) -> None:
    def measure() -> list[int]:
        with _two_hosts(judged=judged, delay="20ms") as (a, b, _):
            took = []
            for frame in _numbered(20):
                sent = time.time_ns()
                a.send(frame)
                assert _receive(b, 1) == [frame]
                took.append(time.time_ns() - sent)
            return took

    took = enclave.call(measure)
    assert min(took) >= 20 * MILLISECOND
    assert sorted(took)[5] < 25 * MILLISECOND  # most: others may use this machine too


def test_every_fate_is_reported() -> None:
    script = ("drop a-b:frame:2", "duplicate a-b:frame:3", "flip a-b:frame:4:127")

    def play() -> tuple[list[bytes], list[Record]]:
        with _two_hosts(script=script, mtu=100) as (a, b, link):
            _send_all(a, [*_numbered(4), *_numbered(1, size=115)])
            return _receive(b, 4, quiet=1), _collect(link, 5)

    arrived, records = enclave.call(play)
    first, _, third, fourth = _numbered(4)
    assert arrived == [first, third, third, bytes([*fourth[:15], fourth[15] ^ 1, *fourth[16:]])]
    assert [(direction, kind, index) for _, direction, kind, index, *_ in records] == [
        ("a-b", "frame", number) for number in range(1, 6)
    ]
    assert [lost for *_, lost, _, _, _ in records] == ["", "dropped", "", "", "too long"]
    assert [faults for *_, faults, _, _ in records][1:4] == [(text.replace("*", ""),) for text in script]
    assert [len(arrivals) for *_, arrivals, _ in records] == [1, 0, 2, 1, 0]
    assert [arrived for *_, arrived in records] == [None, None, None, arrived[3], None]
    assert sorted(at for at, *_ in records) == [at for at, *_ in records]
    assert 0 < records[0][0] < 60_000 * MILLISECOND


def test_a_full_queue_drops_what_the_wire_cannot_take() -> None:
    def flood() -> list[str]:
        with _two_hosts(bw=1, max_queue_size=3) as (a, _, link):
            _send_all(a, _numbered(10, size=1000))
            return [lost for *_, lost, _, _, _ in _collect(link, 10)]

    assert enclave.call(flood) == [""] * 4 + ["queue full"] * 6


def test_what_finds_no_room_is_counted() -> None:
    def flood() -> tuple[int, int]:
        with _two_hosts() as (a, _, link):
            os.kill(link.process, signal.SIGSTOP)
            for frame in _numbered(relay.SLOTS + 10):
                a.send(frame)
            os.kill(link.process, signal.SIGCONT)
            return len(list(link.stop())), link.omitted

    assert enclave.call(flood) == (relay.SLOTS, 10)


def test_a_byte_pipe_is_carried_too() -> None:
    """Its chunks may be shorter than any frame; there is no card that would add a header or refuse."""
    a, near_a = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    b, near_b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    wire = Wire(direction="a-b", link="a-b", script=(Fault.parse("drop a-b:*:2"),), profile=Profile(delay=MILLISECOND))
    link = Relay([Line(wire, near_a, near_b)], epoch=time.time_ns())
    for chunk in (b"x", b"y", b"z"):
        a.send(chunk)
    assert _receive(b, 2) == [b"x", b"z"]
    assert [data for *_, data, _, _, _, _ in link.stop()] == [b"x", b"y", b"z"]
    for opened in (a, b, near_a, near_b):
        opened.close()


def test_a_judge_who_does_not_read_is_told_how_much_is_missing() -> None:
    ours, theirs = socket.socketpair()
    reports = Reports(theirs)
    record: Record = (0, "a-b", "frame", 1, bytes(1 << 20), "", (), (), None)
    for _ in range(40):
        reports.add(record)
        reports.flush()
    ours.close()
    theirs.close()
    assert 20 < reports.omitted < 30
