"""Step 3: distance vectors in good times: everybody hears of everything, and goes the shortest way."""

from functools import partial
from ipaddress import IPv4Network
from typing import Any

import pytest

from labs.conformance import conforms
from labs.lab02_route.evidence import metric, said, trips
from labs.lab02_route.judgements import PATIENT, entries, expect_shortest, expect_way, hear, own_networks, says
from labs.lab02_route.peers import Vector, listener, net, ns, router, sender, vector
from labs.lab02_route.scenes import APPLICATION, PERIOD, routed
from labs.lab02_route.topology import Line, Mesh, Ring, Star
from labs.testbed.judge import Judge
from labs.testbed.unit import Script
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("3")

NEAR, FAR, WIDE, GONE = net("10.1.0.0/16"), net("10.2.0.0/16"), net("172.16.0.0/12"), net("10.77.0.0/16")
PAUSE = 2.5
"""Seconds between two announcements in the unit script."""


@pytest.mark.seeds(1)
def test_good_news_by_itself(judge: Judge) -> None:
    """`DistanceVector` learns, adds one, and prefers what is nearer, on a clock that the script sets."""
    script = Script("good times")
    own = {0: net("192.168.12.0/24"), 1: NEAR}
    ways, mine = {own[0]: 0, NEAR: 1}, {own[0]: 1, NEAR: 1}
    script.make("routing.DistanceVector", store="router", keywords={"own": own, "period": PAUSE, "timeout": 60.0})
    _expect_to_announce(script)
    script.call("router.vector", 1, returns=says(mine), because="its own networks are at 1", label="own")
    hear(script, 0, {NEAR: 1}, now=4.6)
    script.call("router.ways_out", returns=ways, because="its own network is nobody else's", label="own-way")
    hear(script, 0, {NEAR: 0, GONE: 16, FAR: 1, WIDE: 14}, now=4.6)
    because = "what stands before it in the vector takes nothing away from that"
    script.call("router.ways_out", returns=partial(_is_reached, FAR), because=because, label="each-entry")
    _expect_infinity(script, GONE)
    script.call("router.ways_out", returns={**ways, FAR: 0, WIDE: 0}, because="link 0 leads there", label="ways")
    script.call(
        "router.vector", 1, returns=lambda said: len(said) >= 4, because="what it has learnt, it passes on", label="all"
    )
    right = {**mine, FAR: 2, WIDE: 15}
    script.call("router.vector", 1, returns=partial(_is_finite, right), because="plus 1", label="metrics")
    for far, label, because in (
        (16, "lost", "it goes by link 0, and link 1 cannot take it away"),
        (3, "worse", "no reason to change: it is further"),
        (1, "equal", "no reason to change"),
    ):
        hear(script, 1, {FAR: far}, now=4.7)
        script.call("router.ways_out", returns={**ways, FAR: 0, WIDE: 0}, because=because, label=label)
    hear(script, 1, {WIDE: 13}, now=4.7)
    right = {**ways, FAR: 0, WIDE: 1}
    script.call("router.ways_out", returns=right, because="WIDE is nearer by link 1", label="nearer")
    _expect_a_bound(script, right)
    _expect_any_prefix(script, right)
    judge.unit(script)


def _expect_to_announce(script: Script) -> None:
    script.call("router.next_timer", returns=lambda due: due <= 0, because="it announces itself at once", label="first")
    script.call(
        "router.handle_timer",
        keywords={"now": 0.0},
        returns=lambda said: set(said) == {0, 1},
        because="on each link",
        label="each",
    )
    script.call("router.next_timer", returns=PAUSE, because="a period later it is time again", label="period")
    script.call("router.handle_timer", keywords={"now": 0.5}, returns={}, because="not yet", label="early")
    script.call("router.handle_timer", keywords={"now": 4.0}, because="it is called late")
    because = "the next is due a period after this one"
    script.call("router.next_timer", returns=4.0 + PAUSE, because=because, label="late")


def _expect_a_bound(script: Script, right: dict[IPv4Network, int]) -> None:
    far = {net("10.7.0.0/16"): 15, net("10.8.0.0/16"): 16, net("10.9.0.0/16"): 200}
    hear(script, 0, far, now=4.8)
    _expect_infinity(script, *far)
    script.call("router.ways_out", returns=right, because="nothing else has changed", label="infinity")


def _expect_infinity(script: Script, *gone: IPv4Network) -> None:
    """Of these networks it was said that they are 15 links away, or more."""
    script.call(
        "router.vector",
        1,
        returns=lambda said: all(far <= 16 for far in entries(said).values()),
        because="there is nothing beyond 16",
        label="bound",
    )
    script.call(
        "router.ways_out",
        returns=lambda found: not found.keys() & set(gone),
        because="15 and 1 make 16: infinitely far",
        label="infinity",
    )


def _expect_any_prefix(script: Script, known: dict[IPv4Network, int]) -> None:
    """Go on: networks that hold one another are different networks; and a second router has a memory of its own."""
    script.call("router.handle_timer", keywords={"now": 9.0}, because="it announces itself")
    far = {net("10.2.0.0/24"): 0, net("10.1.7.0/24"): 0, net("0.0.0.0/0"): 0}
    hear(script, 0, {network: 1 if network.prefixlen else 0 for network in far}, now=9.1)
    for network, label, because in zip(
        far,
        ("length", "within", "default"),
        ("10.2.0.0/24 is not 10.2.0.0/16", "it lies in an own network, and is another", "so may a prefix of length 0"),
        strict=True,
    ):
        reached = partial(_is_reached, network)
        script.call("router.ways_out", returns=reached, because=f"it may be learnt: {because}", label=label)
    script.call("router.ways_out", returns={**known, **far}, because="nothing else has changed", label="others")
    everything = net("0.0.0.0/0")
    script.call(
        "router.vector",
        1,
        returns=lambda said: entries(said)[everything] == 1,
        because="0 and 1 make 1",
        label="nought",
    )
    script.call("router.handle_timer", keywords={"now": 9.2}, because="if it has anything to say, it says it")
    hear(script, 0, {net("10.2.0.0/24"): 1}, now=9.5)
    because = "what is known already is no news: routers that answer it never fall silent"
    script.call("router.next_timer", returns=lambda due: due > 9.5, because=because, label="no-news")
    own = {0: net("192.168.23.0/24")}
    script.make("routing.DistanceVector", store="other", keywords={"own": own, "period": PAUSE, "timeout": 60.0})
    script.call("other.ways_out", returns={own[0]: 0}, because="this one has heard nothing yet", label="another")


def _is_finite(right: Vector, said: Any) -> bool:
    """Whether a vector holds these entries, and else only such as are at 16."""
    return {network: far for network, far in entries(said).items() if far != 16} == right


def _is_reached(network: IPv4Network, ways: dict[IPv4Network, int]) -> bool:
    return ways.get(network) == 0


@pytest.mark.exact
@pytest.mark.seeds(2)
def test_good_news_among_the_judges(judge: Judge) -> None:
    """One router, around it routers of the judge's: what it says, how often, and where packets go."""
    source = judge.random
    x, y = net(f"10.{source.randrange(20, 100)}.0.0/16"), net(f"10.{source.randrange(100, 200)}.0.0/16")
    part = net(f"{x[256]}/24")
    far, near = source.randrange(6, 12), source.randrange(2, 5)
    by_a = {x: far, y: 3, net("10.4.0.0/16"): 0, net("10.201.0.0/16"): 15, net("10.202.0.0/16"): 255}
    by_b = {x: far, part: 13, y: 3}
    noise = [(ns(2.5), b"\0" * 40), (ns(2.6), vector({})), (ns(2.7), vector(by_b) + bytes(20))]
    ask = {"x": x[1], "part": part[1], "y": y[1], "d": net("10.4.0.0/16")[9], "far": net("10.201.0.0/16")[1]}
    packets = [(ns(at), to, f"{name} at {at}".encode()) for at in (3.8, 6.8) for name, to in ask.items()]
    ends = (
        router("a", (0.3, by_a), until=8),
        router("b", (0.6, by_b), (5.6, {**by_b, x: near}), until=8, also=noise),
        sender("c", packets),
        listener("d"),
    )
    star = partial(Star, middle="r1")
    trace = judge.play(routed("among-judges", star, ends, router=PATIENT, seconds=8))
    for end in "abcd":
        _expect_regular(judge, [frame.at for frame, _ in said(trace, f"r1-{end}")], end)
    for by, right in (
        (5.5, {**own_networks(star, "r1"), x: far + 1, y: 4, part: 14}),
        (7.9, {**own_networks(star, "r1"), x: near + 1, y: 4, part: 14}),
    ):
        _expect_said(judge, said(trace, "r1-d"), right, ns(by))
    found = trips(trace)
    for at, out in ((3.8, "a"), (6.8, "b")):
        expect_way(judge, "way:nearer", found, f"x at {at}", f"c-r1, r1-{out}", f"{x} is reached by {out}")
        expect_way(judge, "way:longest", found, f"part at {at}", "c-r1, r1-b", f"{part}, by b, is longer than {x}")
        expect_way(judge, "way:equal", found, f"y at {at}", "c-r1, r1-a", "what is as good is no reason to change")
        expect_way(judge, "way:own", found, f"d at {at}", "c-r1, r1-d", "its own network is reached by its own link")
        expect_way(judge, "way:infinity", found, f"far at {at}", "c-r1", "15 links are the longest way that there is")


def _expect_regular(judge: Judge, times: list[int], end: str) -> None:
    gaps = [later - earlier for earlier, later in zip([0, *times], [*times, ns(8)], strict=True)]
    judge.expect(
        "say:period",
        max(gaps) <= ns(PERIOD) + MILLISECOND,
        f"on the link to {end} r1 never says nothing for longer than a period",
        found=f"nothing for {max(gaps) / SECOND:g} s",
    )


def _expect_said(judge: Judge, told: list, right: Vector, by: int) -> None:
    frame, vector_ = next((each for each in reversed(told) if each[0].at <= by), (None, {}))
    for network, wanted in right.items():
        judge.expect(
            "say:own" if wanted == 1 else "say:metric",
            metric(vector_, network) == wanted,
            f"to d, who cannot know better, r1 says that {network} is at {wanted}",
            found=f"at {metric(vector_, network)}",
            frame=frame,
        )
    wrong = {str(network): far for network, far in vector_.items() if network not in right and far != 16}
    judge.expect("say:infinity", not wrong, "r1 reaches nothing else", found=f"it says {wrong}", frame=frame)


@pytest.mark.seeds(1)
def test_in_a_line(judge: Judge) -> None:
    """Four routers in a row come to know every network, and how far it is."""
    expect_shortest(judge, "line", Line, ends="ab")


@pytest.mark.seeds(1)
def test_in_a_ring(judge: Judge) -> None:
    """Four routers in a ring send packets the short way round."""
    expect_shortest(judge, "ring", Ring, ends="ab")


@pytest.mark.seeds(1)
def test_in_a_mesh(judge: Judge) -> None:
    """Six routers and eight links: every packet takes a shortest way."""
    expect_shortest(judge, "mesh", Mesh, ends="abc")


@pytest.mark.seeds(1)
def test_the_application(judge: Judge) -> None:
    """*teams* and *players*, at two ends of the mesh, behave as in every lab."""
    conforms(judge, APPLICATION, every=SECOND // 4)
