"""Switching, forwarding and routing: each law on its own, then whole networks against a model that cannot be wrong."""

import random
from collections import deque
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.forwarding import Expired, NoRoute, Table, forward
from netstack.packet import (
    Entry,
    Packet,
    PacketError,
    build_vector,
    from_ethernet,
    in_ethernet,
    parse_vector,
)
from netstack.routing import INFINITY, DistanceVector
from netstack.switching import Switch

ADDRESSES = st.integers(0, 2**32 - 1).map(IPv4Address)
NETWORKS = st.builds(lambda a, n: IPv4Network((a, n), strict=False), ADDRESSES, st.integers(0, 32))


def frame(destination: int, source: int) -> bytes:
    return bytes([2, 0, 0, 0, destination, 0]) + bytes([2, 0, 0, 0, source, 0]) + b"\x88\xb6"


class TestSwitch:
    def test_it_floods_what_it_does_not_know_and_then_learns(self) -> None:
        switch = Switch(ports=3)
        assert switch.receive(0, frame(2, 1), now=0) == [1, 2]
        assert switch.receive(1, frame(1, 2), now=1) == [0]
        assert switch.receive(0, frame(2, 1), now=2) == [1]

    def test_it_forgets_and_lets_a_host_move(self) -> None:
        switch = Switch(ports=3)
        switch.receive(0, frame(9, 1), now=0)
        assert switch.receive(1, frame(1, 2), now=300) == [0, 2]
        switch.receive(2, frame(9, 1), now=301)
        assert switch.receive(1, frame(1, 2), now=302) == [2]

    def test_nothing_goes_back_where_it_came_from(self) -> None:
        switch = Switch(ports=2)
        switch.receive(0, frame(9, 1), now=0)
        assert switch.receive(0, frame(1, 2), now=1) == []

    @pytest.mark.parametrize("short", [b"", bytes(13)])
    def test_a_frame_without_a_header_goes_nowhere(self, short: bytes) -> None:
        assert Switch(ports=2).receive(0, short, now=0) == []


@given(st.builds(Packet, ADDRESSES, ADDRESSES, st.binary(max_size=50), st.integers(0, 255), st.sampled_from([1, 2])))
def test_a_packet_reads_back(packet: Packet) -> None:
    assert from_ethernet(in_ethernet(packet, destination=bytes(6), source=bytes(6)) + bytes(3)) == packet


@given(st.lists(st.builds(Entry, NETWORKS, st.integers(0, 255)), max_size=8))
def test_a_vector_reads_back(entries: list[Entry]) -> None:
    assert parse_vector(build_vector(entries)) == entries


@given(st.binary(max_size=60))
def test_reading_raises_one_error_only(noise: bytes) -> None:
    for read in (Packet.parse, parse_vector, from_ethernet):
        try:
            read(noise)
        except PacketError:
            pass


@given(st.dictionaries(NETWORKS, st.integers(0, 9), max_size=12), ADDRESSES)
def test_the_longest_prefix_decides(routes: dict[IPv4Network, int], address: IPv4Address) -> None:
    table: Table[int] = Table()
    for network, way in routes.items():
        table.add(network, way)
    matching = [network for network in routes if address in network]
    if matching:
        assert table.look_up(address) == routes[max(matching, key=lambda network: network.prefixlen)]
    else:
        with pytest.raises(NoRoute):
            table.look_up(address)


def test_a_packet_ages_at_each_router_and_dies() -> None:
    table: Table[str] = Table()
    table.add(IPv4Network("0.0.0.0/0"), "out")
    packet = Packet(IPv4Address("10.0.0.1"), IPv4Address("10.9.0.1"), b"x", ttl=2)
    onward, way = forward(packet, table)
    assert (onward.ttl, way) == (1, "out")
    with pytest.raises(Expired):
        forward(onward, table)


@dataclass
class Internet:
    """Routers joined by links, each with a stub network of its own; vectors travel a link in 10 ms."""

    joined: list[tuple[int, int]]
    now: float = 0.0
    broken: set[tuple[int, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.count = 1 + max(max(pair) for pair in self.joined)
        self.links = {r: [pair for pair in self.joined if r in pair] for r in range(self.count)}
        self.routers = [
            DistanceVector(own={len(self.links[r]): self.stub(r)} | dict(enumerate(map(self.net, self.links[r]))))
            for r in range(self.count)
        ]
        self.under_way: deque[tuple[float, int, int, list[Entry]]] = deque()
        self.announcements = 0

    def stub(self, router: int) -> IPv4Network:
        return IPv4Network(f"10.{router}.0.0/16")

    def net(self, pair: tuple[int, int]) -> IPv4Network:
        return IPv4Network(f"192.168.{self.joined.index(pair)}.0/24")

    def cut(self, pair: tuple[int, int]) -> None:
        self.broken.add(pair)
        for router in pair:
            self.routers[router].link_down(self.links[router].index(pair), now=self.now)

    def run(self, until: float) -> None:
        while self.now < until:
            for number, router in enumerate(self.routers):
                for link, vector in router.handle_timer(now=self.now).items():
                    self.announce(number, link, vector)
            timers = [router.next_timer() for router in self.routers]
            self.now = min([*timers, *(arrival[0] for arrival in self.under_way), until])
            while self.under_way and self.under_way[0][0] <= self.now:
                _, target, link, vector = self.under_way.popleft()
                self.routers[target].receive(link, vector, now=self.now)

    def announce(self, router: int, link: int, vector: list[Entry]) -> None:
        if link == len(self.links[router]) or (pair := self.links[router][link]) in self.broken:
            return
        other = pair[0] if pair[1] == router else pair[1]
        self.announcements += 1
        self.under_way.append((self.now + 0.01, other, self.links[other].index(pair), vector))

    def distance(self, start: int, end: int) -> int | None:
        """By breadth-first search over what is not broken: the model."""
        distances = {start: 1}
        queue = deque([start])
        while queue:
            router = queue.popleft()
            for pair in self.links[router]:
                other = pair[0] if pair[1] == router else pair[1]
                if pair not in self.broken and other not in distances:
                    distances[other] = distances[router] + 1
                    queue.append(other)
        return distances.get(end)

    def agrees(self) -> bool:
        """Whether every router's metric to every stub is what the model says."""
        for start, router in enumerate(self.routers):
            metrics = {entry.network: entry.metric for entry in router.vector(-1)}
            for end in range(self.count):
                found = metrics.get(self.stub(end), INFINITY)
                if found != (self.distance(start, end) or INFINITY):
                    return False
        return True


LINE = [(0, 1), (1, 2), (2, 3)]
RING = [*LINE, (3, 0)]
MESH = [*RING, (0, 2), (3, 4), (4, 5), (5, 1)]


@pytest.mark.parametrize("joined", [LINE, RING, MESH], ids=["line", "ring", "mesh"])
def test_every_router_finds_the_shortest_ways(joined: list[tuple[int, int]]) -> None:
    internet = Internet(joined)
    internet.run(1.0)
    assert internet.agrees()


@pytest.mark.parametrize("joined", [RING, MESH], ids=["ring", "mesh"])
def test_a_failed_link_is_routed_around_at_once(joined: list[tuple[int, int]]) -> None:
    internet = Internet(joined)
    internet.run(1.0)
    internet.cut((0, 1))
    internet.run(35.0)
    assert internet.agrees()


def test_two_neighbours_do_not_count_each_other_up() -> None:
    internet = Internet(LINE)
    internet.run(1.0)
    before = internet.announcements
    internet.cut((2, 3))
    internet.run(2.0)
    assert internet.agrees()
    assert internet.announcements - before < 20, "split horizon should have ended this in a few announcements"


def test_a_loop_of_three_counts_to_infinity_and_stops_there() -> None:
    internet = Internet([(0, 1), (1, 2), (2, 0), (2, 3)])
    internet.run(1.0)
    internet.cut((2, 3))
    internet.run(600.0)
    assert internet.agrees()


NEAR, FAR = IPv4Network("10.0.0.0/16"), IPv4Network("10.1.0.0/16")


def test_a_silent_neighbour_is_given_up() -> None:
    router = DistanceVector(own={0: NEAR})
    router.receive(0, [Entry(FAR, 1)], now=0.0)
    router.handle_timer(now=179.0)
    assert router.ways_out() == {NEAR: 0, FAR: 0}
    router.handle_timer(now=180.0)
    assert router.ways_out() == {NEAR: 0}


def test_a_link_that_fails_takes_its_own_network_along_and_brings_it_back() -> None:
    router = DistanceVector(own={0: NEAR, 1: FAR})
    router.handle_timer(now=0.0)
    router.link_down(0, now=1.0)
    bad_news = [Entry(NEAR, INFINITY), Entry(FAR, 1)]
    assert router.handle_timer(now=1.0) == {0: bad_news, 1: bad_news}
    router.receive(1, [Entry(NEAR, 1)], now=1.5)
    assert router.ways_out() == {FAR: 1}, "nobody else knows its own networks better"
    router.receive(0, [], now=2.0)
    assert router.ways_out() == {NEAR: 0, FAR: 1}, "whoever is heard on it proves that it is up"
    assert router.next_timer() == 2.0, "that is news"


def test_a_link_that_comes_back_is_used_again() -> None:
    internet = Internet(RING)
    internet.run(1.0)
    internet.cut((0, 1))
    internet.run(35.0)
    internet.broken.clear()
    internet.run(100.0)
    assert internet.agrees()


@pytest.mark.parametrize("seed", range(20))
def test_any_network_settles_after_any_failure(seed: int) -> None:
    draw = random.Random(seed)
    size = draw.randint(3, 8)
    joined = [(draw.randrange(r), r) for r in range(1, size)]
    joined += [
        pair for a in range(size) for b in range(a + 1, size) if draw.random() < 0.2 and (pair := (a, b)) not in joined
    ]
    internet = Internet(joined)
    internet.run(40.0)
    assert internet.agrees()
    internet.cut(draw.choice(joined))
    internet.run(1000.0)
    assert internet.agrees()
