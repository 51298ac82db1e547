"""Step 2: which way out, and for how long."""

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise
from typing import Any

import pytest

from labs.conformance import conforms
from labs.lab01_wire.peers import acting
from labs.lab02_route.evidence import trips, way
from labs.lab02_route.peers import data, listener, net, sender
from labs.lab02_route.scenes import BY_HAND, address_of, by_hand, routed
from labs.lab02_route.topology import Line, Star
from labs.testbed.judge import Judge
from labs.testbed.program.values import Seen, Stored
from labs.testbed.scene import Plan, Program, Scene
from labs.testbed.unit import Script
from netstack.packet import DATA, VECTOR
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("2")

A, B = address_of("a"), address_of("b")
Routes = dict[IPv4Network, int]
MakeRouter = Callable[[Plan, str], Program]


@pytest.mark.seeds(1)
def test_a_table_by_itself(judge: Judge) -> None:
    """`Table` finds the longest prefix, whatever was put in first."""
    routes = [("10.2.0.0/16", 1), ("10.0.0.0/8", 2), ("10.2.7.0/24", 3), ("10.2.7.9/32", 4)]
    script = Script("table")
    for name, order in (("table", routes), ("other", routes[::-1])):
        script.make("forwarding.Table", store=name)
        for network, way_out in order:
            script.call(f"{name}.add", net(network), way_out, because=f"{network} goes out by {way_out}")
        for address, way_out, label in (
            ("10.3.0.1", 2, "holds"),
            ("10.2.8.1", 1, "longer"),
            ("10.2.7.255", 3, "longest"),
            ("10.2.7.9", 4, "host"),
        ):
            because = "the longest prefix that holds it decides"
            script.call(f"{name}.look_up", IPv4Address(address), returns=way_out, because=because, label=label)
    unknown = IPv4Address("11.0.0.1")
    script.make("forwarding.Table", store="empty")
    because = "nobody has put a route into this table"
    script.call("empty.look_up", IPv4Address("10.2.8.1"), raises="NoRoute", because=because, label="empty")
    script.call("table.look_up", unknown, raises="NoRoute", because="no prefix holds it", label="no-route")
    script.call("table.add", net("10.2.0.0/16"), 5, because="a route can be replaced")
    replaced = IPv4Address("10.2.8.1")
    script.call("table.look_up", replaced, returns=5, because="it was replaced", label="replaced")
    script.call("table.add", net("0.0.0.0/0"), 6, because="a prefix of length 0 holds everything")
    script.call("table.look_up", unknown, returns=6, because="nothing longer holds it", label="default")
    script.call("table.add", net("11.0.0.0/8"), 0, because="a link's number may be 0")
    script.call("table.look_up", unknown, returns=0, because="0 is a way out like any other", label="link-0")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_forward_by_itself(judge: Judge) -> None:
    """`forward` takes one from the time to live, and gives the packet up when none is left."""
    script = Script("forward")
    table = script.make("forwarding.Table", store="table")
    script.call("table.add", net("10.2.0.0/16"), 3, because="b is behind link 3")
    whole = {"destination": B, "source": A, "payload": b" Herons\n", "kind": 1}
    for ttl, label, because, holds in (
        (2, "goes-on", "it may go on: there is 1 left", lambda _, __: True),
        (64, "way", "it goes on by link 3", lambda _, way_out: way_out == 3),
        (64, "same", "all but its time to live is as it was", lambda seen, _: whole.items() <= seen.items()),
        (64, "falls", "its time to live has fallen", lambda seen, _: seen["ttl"] < 64),
        (64, "by-one", "it has 63 to live", lambda seen, _: seen["ttl"] == 63),
        (200, "from-there", "it has 199 to live", lambda seen, _: seen["ttl"] == 199),
    ):
        returns = partial(_goes_on, holds)
        packet = _packet(script, B, ttl)
        script.call("forwarding.forward", packet, table, returns=returns, because=because, label=label)
    _expect_the_kind_to_stay(script, table)
    for ttl in (1, 0):
        packet = _packet(script, B, ttl)
        script.call("forwarding.forward", packet, table, raises="Expired", because="none is left", label="expired")
    nowhere = _packet(script, IPv4Address("10.9.0.1"), 64)
    script.call("forwarding.forward", nowhere, table, raises="NoRoute", because="nobody knows 10.9", label="no-route")
    judge.unit(script)


def _expect_the_kind_to_stay(script: Script, table: Stored) -> None:
    packet = _packet(script, B, 64, kind=VECTOR)
    returns = partial(_goes_on, lambda seen, _: seen["kind"] == VECTOR)
    script.call("forwarding.forward", packet, table, returns=returns, because="its kind is as it was", label="kind")


def _packet(script: Script, to: IPv4Address, ttl: int, *, kind: int = DATA) -> Stored:
    name = f"Packet({to}, {A}, b' Herons\\n', ttl={ttl}{f', kind={kind}' if kind != DATA else ''})"
    return script.make("netstack.packet.Packet", to, A, b" Herons\n", ttl, kind, store=name)


def _goes_on(holds: Callable[[dict[str, Any], int], bool], value: Any) -> bool:
    """Whether `forward` has returned a packet and a way out of which that holds."""
    packet, way_out = value
    return isinstance(packet, Seen) and holds(packet.attributes, way_out)


@pytest.mark.seeds(1)
def test_the_longest_prefix_on_the_wire(judge: Judge) -> None:
    """A router in the middle of four ends, with prefixes within prefixes: each packet leaves by the right link."""
    source = judge.random
    routes = _nested(source)
    addresses = [end for network in routes for end in (network[0], network[-1])]
    addresses += [IPv4Address(source.randrange(1 << 32)) for _ in range(10)]
    for name, more in (("prefixes", {}), ("default-route", {net("0.0.0.0/0"): source.randrange(1, 4)})):
        _expect_longest(judge, name, {**routes, **more}, addresses)


def _expect_longest(judge: Judge, name: str, routes: Routes, addresses: list[IPv4Address]) -> None:
    packets = [(n * MILLISECOND, to, b"%d" % n) for n, to in enumerate(addresses)]
    stale = [(network, way_out % 3 + 1) for network, way_out in routes.items()]  # written first, and then replaced
    written = [[str(network), way_out] for network, way_out in (*stale, *routes.items())]
    scene = Scene(
        name=name,
        topology=partial(Star, middle="r1"),
        programs=(
            Program(host="r1", file="static_router.py", arguments={"routes": written}),
            sender("a", packets),
            *map(listener, "bcd"),
        ),
        classify=BY_HAND.classify,
    )
    found = trips(judge.play(scene))
    for _, to, payload in packets:
        best = max((network for network in routes if to in network), key=lambda one: one.prefixlen, default=None)
        right = "a-r1" + (f", r1-{'abcd'[routes[best]]}" if best else "")
        trip = found[payload]
        judge.expect(
            "prefix:longest" if best else "prefix:none",
            way(trip) == right,
            f"the packet to {to} " + (f"leaves by the way of {best}" if best else "is dropped: no prefix holds it"),
            found=f"its way: {way(trip)}; right: {right}",
            frame=trip[-1][0],
        )


def _nested(source: random.Random) -> Routes:
    """Prefixes within prefixes, in any order; whatever is in none of them has no route."""
    while True:
        address = source.randrange(1 << 32)
        lengths = [*sorted(source.sample(range(5, 32), 6)), 32]
        ways = [source.randrange(1, 4) for _ in lengths]
        pairs = [(IPv4Network((address, n), strict=False), way_out) for n, way_out in zip(lengths, ways, strict=True)]
        if all(one != other for one, other in pairwise(ways)):
            break
    source.shuffle(pairs)
    return dict(pairs)


@pytest.mark.seeds(1)
def test_packets_grow_old(judge: Judge) -> None:
    """Four routers in a row: each takes one from the time to live, and whoever has nothing left to give drops it."""
    lives = [64, 255, *range(7)]
    text = b" %d " % judge.random.randrange(10**9)
    opening = [(n * MILLISECOND, ttl, text + b"%d\n" % ttl) for n, ttl in enumerate(lives)]
    found = trips(judge.play(_from_a(opening, B, name="ages", router=by_hand)))
    links = ["a-r1", "r1-r2", "r2-r3", "r3-r4", "r4-b"]
    for _, ttl, payload in opening:
        right = [(link, ttl - n) for n, link in enumerate(links) if n == 0 or ttl > n]
        got = [(frame.direction, packet.ttl) for frame, packet in found[payload]]
        judge.expect(
            "age:falls" if ttl > len(links) else "age:expires",
            got == right,
            f"a packet that has {ttl} to live crosses {len(right)} links, and has one less on each",
            found=f"on its links it had: {', '.join(f'{ttl} on {link}' for link, ttl in got)}",
            frame=found[payload][-1][0],
        )
        changed = [frame for frame, packet in found[payload] if packet.source != A or packet.destination != B]
        judge.expect("age:same", not changed, "its addresses stay as they were", frame=changed[0] if changed else None)


def _from_a(opening: list[tuple[int, int, bytes]], to: IPv4Address, *, name: str, router: MakeRouter) -> Scene:
    """A sends packets (when, time to live, payload) along a line of routers."""
    peer = acting("a", [(at, data(to, payload, ttl=ttl, source=A)) for at, ttl, payload in opening])
    scene = routed(name, Line, (peer, listener("b")), router=router)
    return replace(scene, limits=replace(scene.limits, time=2 * SECOND))


@pytest.mark.seeds(1)
def test_a_loop(judge: Judge) -> None:
    """Where tables send a packet round in circles, its time to live ends that."""
    ttl = judge.random.randrange(9, 40)
    astray = IPv4Address("10.9.0.1")
    trace = judge.play(_from_a([(0, ttl, b"astray")], astray, name="loop", router=_astray))
    trip = trips(trace)[b"astray"]
    judge.bites("the packet was sent round in circles", len(trip) > 3)
    judge.expect(
        "age:loop",
        len(trip) == ttl,
        f"a packet that has {ttl} to live crosses {ttl} links",
        found=f"it crossed {len(trip)}",
    )


def _astray(plan: Plan, router: str) -> Program:
    """`router` with a mistake in its table: r1 sends 10.9.0.0/16 to r2, r2 to r3, and r3 back to r2."""
    program = by_hand(plan, router)
    wrong = {"r1": 0, "r2": 1, "r3": 0}.get(router)
    routes = program.arguments["routes"] + ([["10.9.0.0/16", wrong]] if wrong is not None else [])
    return replace(program, arguments={"routes": routes})


@pytest.mark.seeds(1)
def test_the_application_by_hand(judge: Judge) -> None:
    """*teams* and *players*, four routers apart, behave as in every lab."""
    conforms(judge, BY_HAND, every=SECOND // 4)
