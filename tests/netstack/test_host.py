"""Hosts on one link or several, in virtual time."""

import heapq
import itertools
import random
from collections.abc import Sequence
from ipaddress import IPv4Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netstack.host import Host, Interface, Unreachable, Way
from netstack.packets import SYN, Ethernet, IPv4, Tcp, ethernet, number, tcp
from netstack.ports import FIRST_EPHEMERAL, LAST, Listener, NoPorts, Ports
from netstack.tcp import Failure, State

DELAY = 0.001


def host(name: str, *addresses: str, forwards: bool = False, prefix: int = 24) -> Host:
    """A host with one interface for each address, `eth0` and so on."""
    interfaces = [
        Interface(f"eth{index}", bytes((2, 0, 0, 0, ord(name), index)), number(address), prefix)
        for index, address in enumerate(addresses)
    ]
    return Host(interfaces=interfaces, randomness=random.Random(name), forwards=forwards)


class Net:
    """Links between hosts' interfaces, each with the same delay; time goes on as far as there is something to do."""

    def __init__(self, *links: Sequence[tuple[Host, int]]) -> None:
        self.links, self.now = links, 0.0
        self.hosts = list(dict.fromkeys(host for link in links for host, _ in link))
        self._heap: list[tuple[float, int, Host, int, bytes]] = []
        self._order = itertools.count()

    def _send(self) -> None:
        for sender in self.hosts:
            for interface, frame in sender.frames_to_send():
                for link in self.links:
                    if (sender, interface) in link:
                        for end in link:
                            if end != (sender, interface):
                                heapq.heappush(self._heap, (self.now + DELAY, next(self._order), *end, frame))

    def run(self, until: float = 1e6) -> None:
        while True:
            self._send()
            timers = [(when, index) for index, h in enumerate(self.hosts) if (when := h.next_timer()) is not None]
            due = min(timers, default=(1e9, 0))
            arrival = self._heap[0][0] if self._heap else 1e9
            if min(due[0], arrival) > until:
                return
            if arrival <= due[0]:
                self.now, _, receiver, interface, frame = heapq.heappop(self._heap)
                receiver.receive(interface, frame, now=self.now)
            else:
                self.now = max(self.now, due[0])
                self.hosts[due[1]].handle_timer(now=self.now)


def test_a_connection_from_one_host_to_another() -> None:
    a, b = host("a", "10.0.0.1"), host("b", "10.0.0.2")
    net = Net([(a, 0), (b, 0)])
    listener = b.ports.listen((0, 80), backlog=5)
    connection = a.connect((number("10.0.0.2"), 80), now=net.now)
    net.run(until=1)
    assert connection.state is State.ESTABLISHED
    accepted = listener.ready.popleft()
    connection.write(b"hello")
    a.push(connection, now=net.now)
    net.run(until=2)
    assert accepted.read(100, now=net.now) == b"hello"
    assert accepted in b.touched()


def burst(*, without: int | None = None) -> tuple[Host, list[bytes]]:
    """A host with a connection on which ten full segments come at once, or nine; and what it says to them."""
    a, b = host("a", "10.0.0.1"), host("b", "10.0.0.2")
    net = Net([(a, 0), (b, 0)])
    b.ports.listen((0, 80), backlog=5)
    connection = a.connect((number("10.0.0.2"), 80), now=net.now)
    net.run(until=1)
    connection.write(bytes(10 * 1448))
    a.push(connection, now=1.0)
    frames = [frame for index, (_, frame) in enumerate(a.frames_to_send()) if index != without]
    b.receive_burst(0, frames, now=1.001)
    return b, [frame for _, frame in b.frames_to_send()]


def test_a_burst_is_acknowledged_once() -> None:
    b, (answer,) = burst()
    (connection,) = b.ports.connections.values()
    assert connection.readable == 10 * 1448
    assert segment_in(answer).acknowledgement == connection.receiver.wanted % 2**32


def test_each_segment_behind_a_gap_is_acknowledged_by_itself() -> None:
    """Whoever sends counts them: the third duplicate means a loss (RFC 5681, 3.2)."""
    _, answers = burst(without=4)
    numbers = [segment_in(answer).acknowledgement for answer in answers]
    assert len(numbers) == 5
    assert len(set(numbers)) == 1


def segment_in(frame: bytes) -> Tcp:
    packet = IPv4.parse(Ethernet.parse(frame).payload)
    return Tcp.parse(packet.payload, packet.source, packet.destination)


def test_nobody_listens() -> None:
    a, b = host("a", "10.0.0.1"), host("b", "10.0.0.2")
    net = Net([(a, 0), (b, 0)])
    connection = a.connect((number("10.0.0.2"), 80), now=net.now)
    net.run(until=1)
    assert connection.failure is Failure.REFUSED
    assert not a.ports.connections


def test_nobody_is_there() -> None:
    a, b = host("a", "10.0.0.1"), host("b", "10.0.0.2")
    net = Net([(a, 0), (b, 0)])
    connection = a.connect((number("10.0.0.9"), 80), now=net.now)
    net.run(until=10)
    assert connection.failure is Failure.UNREACHABLE
    assert net.now == pytest.approx(3.0)


def test_no_route() -> None:
    a = host("a", "10.0.0.1")
    with pytest.raises(Unreachable):
        a.connect((number("192.168.1.1"), 80), now=0.0)


def test_talking_to_oneself() -> None:
    a = host("a", "10.0.0.1")
    listener = a.ports.listen((0, 80), backlog=5)
    for address in ("127.0.0.1", "10.0.0.1"):
        connection = a.connect((number(address), 80), now=0.0)
        assert connection.state is State.ESTABLISHED
        connection.write(b"x" * 100_000)
        a.push(connection, now=0.0)
        assert listener.ready.popleft().read(1 << 20, now=0.0) == b"x" * 100_000
    assert not a.frames_to_send()


def test_through_a_router() -> None:
    a, b = host("a", "10.0.0.1"), host("b", "10.0.1.1")
    router = host("r", "10.0.0.254", "10.0.1.254", forwards=True)
    a.internet.add_route(IPv4Network("0.0.0.0/0"), Way(0, number("10.0.0.254")))
    b.internet.add_route(IPv4Network("0.0.0.0/0"), Way(0, number("10.0.1.254")))
    net = Net([(a, 0), (router, 0)], [(router, 1), (b, 0)])
    b.ports.listen((0, 80), backlog=5)
    connection = a.connect((number("10.0.1.1"), 80), now=0.0)
    net.run(until=1)
    assert connection.state is State.ESTABLISHED


def test_datagrams_and_a_closed_port() -> None:
    a, b = host("a", "10.0.0.1"), host("b", "10.0.0.2")
    net = Net([(a, 0), (b, 0)])
    there = b.ports.open_mailbox((0, 53))
    here = a.ports.open_mailbox((0, 5000))
    a.send_datagram(here, b"question", (number("10.0.0.2"), 53), now=0.0)
    net.run(until=1)
    assert there.waiting.popleft() == (b"question", (number("10.0.0.1"), 5000))
    here.remote = number("10.0.0.2"), 54
    a.send_datagram(here, b"question", here.remote, now=net.now)
    net.run(until=2)
    assert here.refused


def test_a_full_backlog_lets_them_try_again() -> None:
    a, b = host("a", "10.0.0.1"), host("b", "10.0.0.2")
    net = Net([(a, 0), (b, 0)])
    listener = b.ports.listen((0, 80), backlog=2)
    connections = [a.connect((number("10.0.0.2"), 80), now=0.0) for _ in range(3)]
    net.run(until=0.5)
    assert [c.is_established for c in connections].count(True) == 2
    listener.ready.popleft()
    net.run(until=5)
    assert all(c.is_established for c in connections)


def test_ports_are_drawn_at_random_and_never_twice() -> None:
    """RFC 6056, 3.3.1."""
    ports = Ports(random.Random(1))
    drawn = []
    for _ in range(100):
        drawn.append(ports.draw_port())
        ports.listeners[0, drawn[-1]] = Listener((0, drawn[-1]), 1)
    assert len(set(drawn)) == 100
    assert all(FIRST_EPHEMERAL <= port <= LAST for port in drawn)
    assert sorted(drawn) != drawn
    for port in range(FIRST_EPHEMERAL, LAST + 1):
        ports.listeners[0, port] = Listener((0, port), 1)
    with pytest.raises(NoPorts):
        ports.draw_port()


# What no honest packet is like


def syn_frame(to: Host, source: str, destination: str = "10.0.0.1") -> bytes:
    """A SYN for port 80, as it would come on the first link."""
    ends = number(source), number(destination)
    packet = IPv4(*ends, tcp.PROTOCOL, Tcp(80, 80, 1, 0, SYN, 1000).build(*ends))
    return Ethernet(to.interfaces[0].mac, b"\x02\0\0\0\0\x09", ethernet.IPV4, packet.build()).build()


@pytest.mark.parametrize("source", ["10.0.0.1", "127.0.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255"])
def test_a_packet_from_ourselves_or_from_nobody_is_ignored(source: str) -> None:
    """RFC 1122, 3.2.1.3; the first is known as LAND, and made hosts talk to themselves for ever."""
    a = host("a", "10.0.0.1")
    a.ports.listen((0, 80), backlog=5)
    a.receive(0, syn_frame(a, source), now=0.0)
    assert (a.ports.connections, a.frames_to_send()) == ({}, [])


def test_loopback_is_not_to_be_reached_from_outside() -> None:
    a = host("a", "10.0.0.1")
    a.ports.listen((number("127.0.0.1"), 80), backlog=5)
    a.receive(0, syn_frame(a, "10.0.0.2", "127.0.0.1"), now=0.0)
    assert (a.ports.connections, a.frames_to_send()) == ({}, [])


def test_a_syn_that_cannot_be_answered_is_dropped() -> None:
    a = host("a", "10.0.0.1")
    a.ports.listen((0, 80), backlog=5)
    a.receive(0, syn_frame(a, "192.168.1.1"), now=0.0)
    assert (a.ports.connections, a.frames_to_send()) == ({}, [])


def test_a_connection_from_a_port_to_itself() -> None:
    """Both sides open at the same time, and both are this one."""
    a = host("a", "10.0.0.1")
    connection = a.connect((number("10.0.0.1"), 5000), now=0.0, local=(number("10.0.0.1"), 5000))
    assert connection.state is State.ESTABLISHED
    connection.write(b"to whom it may concern")
    a.push(connection, now=0.0)
    assert connection.read(100, now=0.0) == b"to whom it may concern"
    connection.close(now=0.0)
    a.push(connection, now=0.0)
    assert connection.state is State.TIME_WAIT


@given(st.lists(st.tuples(st.binary(max_size=80), st.booleans()), max_size=20))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_no_frame_breaks_a_host(frames: list[tuple[bytes, bool]]) -> None:
    a = host("a", "10.0.0.1")
    a.ports.listen((0, 80), backlog=5)
    good = syn_frame(a, "10.0.0.2")
    for noise, mixed in frames:
        frame = good[: len(good) - len(noise)] + noise if mixed else good[:14] + noise
        a.receive(0, frame, now=0.0)
        a.frames_to_send()
    a.handle_timer(now=1.0)
    assert len(a.ports.connections) <= 5
