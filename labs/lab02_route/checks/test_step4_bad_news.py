"""Step 4: distance vectors in bad times: worse news, no news, links that fail and flap, and a count to infinity."""

from collections import Counter
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Network

import pytest

from labs.lab02_route.evidence import INFINITY, last_said, metric, said, trips, way, when
from labs.lab02_route.judgements import (
    SETTLED,
    announces,
    entries,
    expect_right_vectors,
    expect_shortest_way,
    expect_way,
    hear,
    own_networks,
    says,
)
from labs.lab02_route.peers import Vector, listener, net, ns, router, sender
from labs.lab02_route.scenes import BEYOND, PERIOD, SILENCE, Build, address_of, by_routing, counting, routed
from labs.lab02_route.topology import Line, Mesh, Ring, Star
from labs.story.trace import Trace
from labs.testbed.judge import Judge
from labs.testbed.scene import Plan, Scene
from labs.testbed.unit import Script
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("4")

X, Y = net("10.20.0.0/16"), net("10.30.0.0/16")
STAR = partial(Star, middle="r1")
DETECTED = SILENCE * PERIOD + 0.05
"""Seconds until both ends of a link have noticed that it has failed, and a few links' time."""


@pytest.mark.seeds(1)
def test_bad_news_by_itself(judge: Judge) -> None:
    """`DistanceVector` loses routes: to worse news, to no news, to a link that fails; and says so at once."""
    script = Script("bad times")
    own = {0: net("192.168.12.0/24"), 1: net("192.168.13.0/24")}
    mine: Vector = {own[0]: 1, own[1]: 1}
    ways = {own[0]: 0, own[1]: 1}
    script.make("routing.DistanceVector", store="router", keywords={"own": own, "period": 1.0, "timeout": 6.0})
    script.call("router.handle_timer", keywords={"now": 0.0}, because="it announces itself")
    _expect_to_forget(script, own)
    hear(script, 0, {X: 3, Y: 5}, now=0.25)
    script.call("router.next_timer", returns=lambda due: due <= 0.25, because="news is due at once", label="triggered")
    script.call(
        "router.vector",
        0,
        returns=lambda said: mine.items() <= entries(said).items(),
        because="own networks are at 1 on every link, on their own too",
        label="own-plain",
    )
    script.call(
        "router.vector",
        0,
        returns=lambda said: all(far in (1, 16) for far in entries(said).values()),
        because="a route is no good to those through whom it goes",
        label="horizon",
    )
    poisoned = {**mine, X: 16, Y: 16}
    script.call("router.vector", 0, returns=says(poisoned), because="there it is announced as 16", label="poisoned")
    script.call(
        "router.handle_timer",
        keywords={"now": 0.25},
        returns=announces({0: poisoned, 1: {**mine, X: 4, Y: 6}}),
        because="all that it knows is announced, on all links",
        label="whole",
    )
    script.call("router.next_timer", returns=1.25, because="the next is due a period later", label="period")
    hear(script, 0, {X: 3, Y: 5}, now=0.5)
    script.call("router.next_timer", returns=1.25, because="what is known already is no news", label="no-news")
    _expect_the_worse_to_be_believed(script, mine, ways)
    _expect_to_give_up(script, mine, ways)
    _expect_to_come_up(script, mine, ways)
    judge.unit(script)


def _expect_the_worse_to_be_believed(script: Script, mine: Vector, ways: dict[IPv4Network, int]) -> None:
    hear(script, 0, {X: 9}, now=0.75)
    script.call(
        "router.vector", 1, returns=says({**mine, X: 10, Y: 6}), because="link 0 knows best, be it worse", label="worse"
    )
    hear(script, 0, {X: 7}, now=0.76)
    script.call("router.vector", 1, returns=says({**mine, X: 8, Y: 6}), because="or better", label="better")
    hear(script, 1, {X: 16, Y: 16}, now=0.8)
    because = "no route goes over link 1: it may say what it likes"
    script.call("router.ways_out", returns={**ways, X: 0, Y: 0}, because=because, label="not-its-own")
    script.call("router.handle_timer", keywords={"now": 0.85}, because="it announces itself")
    hear(script, 0, {X: 16}, now=0.9)
    script.call("router.next_timer", returns=lambda due: due <= 0.9, because="that is news", label="lost-news")
    script.call("router.ways_out", returns={**ways, Y: 0}, because="X is lost", label="lost")
    script.call("router.vector", 1, returns=lambda said: len(said) == 4, because="but not forgotten", label="told")
    script.call("router.vector", 1, returns=says({**mine, X: 16, Y: 6}), because="lost is 16", label="sixteen")


def _expect_to_give_up(script: Script, mine: Vector, ways: dict[IPv4Network, int]) -> None:
    """Go on: the router last heard of Y at 0.5 s, over link 0; then it finds another way to X, over link 1."""
    script.call("router.handle_timer", keywords={"now": 6.4}, because="5.9 s after the last news of Y")
    script.call("router.ways_out", returns={**ways, Y: 0}, because="Y still holds", label="patience")
    script.call("router.next_timer", returns=6.5, because="at 6.5 s patience with Y ends", label="timer")
    script.call("router.handle_timer", keywords={"now": 6.5}, because="it is 6.5 s", label="ends")
    script.call("router.ways_out", returns=ways, because="Y was not heard of for 6 s: it is lost", label="timeout")
    lost = {**mine, X: 16, Y: 16}
    script.call("router.vector", 1, returns=says(lost), because="both are lost, and said to be", label="both-told")
    script.call("router.next_timer", returns=7.5, because="that was said at 6.5 s: it is news", label="timeout-news")
    hear(script, 1, {X: 2}, now=7.0)
    script.call(
        "router.ways_out", returns={**ways, X: 1}, because="what is lost is found again by any link", label="again"
    )


def _expect_to_come_up(script: Script, mine: Vector, ways: dict[IPv4Network, int]) -> None:
    """Go on: link 1, by which X is reached, fails, and comes back."""
    left, right = mine
    script.call("router.handle_timer", keywords={"now": 7.05}, because="it announces itself")
    script.call("router.link_down", 1, keywords={"now": 7.1}, because="link 1 fails")
    script.call("router.ways_out", returns=lambda left: X not in left, because="X was behind it", label="behind")
    script.call("router.ways_out", returns={left: 0}, because="its own network is lost, too", label="down")
    script.call("router.next_timer", returns=lambda due: due <= 7.1, because="which is news", label="down-news")
    lost: Vector = {left: 1, right: 16, X: 16, Y: 16}
    script.call("router.vector", 0, returns=says(lost), because="all that is lost is at 16", label="down-lost")
    because = "it is announced on all links, the failed one too: how else should it ever be heard to be up again?"
    script.call(
        "router.handle_timer",
        keywords={"now": 7.1},
        returns=announces({0: lost, 1: lost}),
        because=because,
        label="down-told",
    )
    hear(script, 0, {right: 3}, now=7.5)
    because = "an own network is never learnt from anybody else, be it lost or not"
    script.call("router.ways_out", returns={left: 0}, because=because, label="own-elsewhere")
    script.call("router.handle_timer", keywords={"now": 8.3}, because="it announces itself")
    hear(script, 1, {}, now=8.5)
    because = "whoever is heard on it proves it is up, even if he has nothing to say"
    script.call("router.ways_out", returns=ways, because=because, label="up")
    because = "its own network is at 1 again, which is news"
    script.call("router.next_timer", returns=lambda due: due <= 8.5, because=because, label="up-news")
    hear(script, 1, {X: 2}, now=9.0)
    script.call("router.ways_out", returns={**ways, X: 1}, because="X is behind it again", label="up-again")
    script.call("router.handle_timer", keywords={"now": 60.0}, because="much later")
    lost = {**mine, X: 16, Y: 16}
    script.call("router.vector", 0, returns=says(lost), because="what is lost stays in the vector", label="for-ever")


def _expect_to_forget(script: Script, own: dict[int, IPv4Network]) -> None:
    """Have another router hear of X and Y over link 0, once, and then of X over link 1, where it is just as far."""
    script.make("routing.DistanceVector", store="other", keywords={"own": own, "period": 1.0, "timeout": 4.0})
    hear(script, 0, {X: 3, Y: 3}, now=0.0, router="other")
    hear(script, 1, {X: 3}, now=2.0, router="other")
    script.call("other.handle_timer", keywords={"now": 5.0}, because="its timeout is 4 s")
    script.call("other.ways_out", returns=lambda left: Y not in left, because="Y is forgotten", label="forgotten")
    because = "and so is X: news from link 1 says nothing about the way over link 0"
    script.call("other.ways_out", returns=lambda left: X not in left, because=because, label="not-freshened")


@pytest.mark.exact
@pytest.mark.seeds(2)
def test_bad_news_among_the_judges(judge: Judge) -> None:
    """One router, around it routers of the judge's: worse news, better news, a neighbour that falls silent."""
    source = judge.random
    far, worse, better = source.randrange(2, 6), source.randrange(11, 15), source.randrange(7, 10)
    still = {Y: 2}
    a = router("a", (0.3, {X: far, **still}), (3.5, {X: worse, **still}), (9.5, still), until=30)
    b = router("b", (0.6, {}), (5.8, {X: better}), (7.8, {X: INFINITY}), (19.8, {X: 1}), (22.8, None), until=30)
    times = [3.2, 4.5, 6.5, 9.2, 14.1, 14.35, 18.2, 21.2, 24.6, 25.1]
    packets = [(ns(at), X[1], f"X at {at}".encode()) for at in times]
    patient = partial(by_routing, timeout=5.7)  # which ends between two announcements
    scene = routed("bad-news", STAR, (a, b, sender("c", packets), listener("d")), router=patient, seconds=28)
    trace = judge.play(scene)
    _expect_news(judge, trace, ns(0.3), "a", {"a": INFINITY, "b": far + 1, "d": far + 1}, "learnt from a")
    _expect_news(judge, trace, ns(3.5), "a", {"a": INFINITY, "b": worse + 1, "d": worse + 1}, "a says that it is worse")
    _expect_news(judge, trace, ns(5.8), "b", {"a": better + 1, "b": INFINITY, "d": better + 1}, "b is nearer")
    _expect_news(judge, trace, ns(7.8), "b", {"a": INFINITY, "d": INFINITY}, "b, through which it went, has lost it")
    found = trips(trace)
    for at, out in ((3.2, "a"), (4.5, "a"), (6.5, "b"), (9.2, "a"), (14.1, "a")):
        expect_way(judge, "way:bad-news", found, f"X at {at}", f"c-r1, r1-{out}", f"by then, X is reached by {out}")
    for at in (14.35, 18.2):
        expect_way(judge, "way:timeout", found, f"X at {at}", "c-r1", "a has not mentioned X since 8.5 s")
    for at in (21.2, 24.6):
        expect_way(judge, "way:again", found, f"X at {at}", "c-r1, r1-b", "b has found it again")
    expect_way(judge, "way:silent", found, "X at 25.1", "c-r1", "b has been silent for 3 periods: its link has failed")
    _, vector = last_said(trace, "r1-d", ns(27.5))
    right = {**own_networks(STAR, "r1"), net("10.2.0.0/16"): INFINITY, X: INFINITY, Y: 3}
    for network, wanted in right.items():
        judge.expect(
            "silent:said",
            metric(vector, network) == wanted,
            f"in the end, when b is silent, r1 says to d that {network} is at {wanted}",
            found=f"it says {metric(vector, network)}",
        )


def _expect_news(judge: Judge, trace: Trace, at: int, source: str, right: dict[str, int], because: str) -> None:
    """Expect that what `source` said at `at` makes r1 say something new of X at once, on each link."""
    heard = at + MILLISECOND
    for end, wanted in right.items():
        frame = next((frame for frame, _ in said(trace, f"r1-{end}") if frame.at >= heard), None)
        _, vector = last_said(trace, f"r1-{end}", heard + MILLISECOND)
        poisoned = end == source and wanted == INFINITY
        judge.expect(
            "news:at-once",
            frame is not None and frame.at <= heard + MILLISECOND,
            f"at {when(heard)} there is news ({because}), and r1 passes it on to {end} at once",
            found=f"it next spoke at {when(frame.at)}" if frame else "it spoke no more",
            frame=frame,
        )
        judge.expect(
            "news:poisoned" if poisoned else "news:metric",
            metric(vector, X) == wanted and (X in vector or not poisoned),
            f"at {when(heard)} r1 says to {end} that X is at {wanted}: "
            + ("the route goes that way" if poisoned else because),
            found=f"it says {vector.get(X, 'nothing of X')}",
            frame=frame,
        )


def travelling(name: str, topology: Build, *faults: str, until: float, every: float = 0.1) -> tuple[Scene, list]:
    """A packet from a to b each `every` seconds once all is settled; returns the scene, and (when, payload) of each."""
    count = int((until - SETTLED) / every)
    packets = [(ns(SETTLED + n * every), address_of("b"), f"packet {n}".encode()) for n in range(count)]
    ends = [sender("a", packets), *(listener(host) for host in Plan.of(topology()).hosts if host in "bc")]
    return routed(name, topology, ends, seconds=until + 0.1).scripted(*faults), [(at, text) for at, _, text in packets]


@pytest.mark.exact
@pytest.mark.seeds(2)
def test_a_link_fails_and_comes_back(judge: Judge) -> None:
    """A ring is cut: after three periods packets go the long way round, and when it is mended the short way again."""
    cut = 8 + judge.random.randrange(100) / 100
    mended = cut + 6
    scene, packets = travelling("cut", Ring, f"cut r1-r2:{cut}s-{mended}s", until=mended + 3)
    trace = judge.play(scene)
    found = trips(trace)
    judge.bites("a packet was lost on the link", any(frame.lost for frame in trace.frames("r1-r2", "data")))
    plan = Plan.of(Ring())
    for at, payload in packets:
        if ns(cut + DETECTED) <= at < ns(mended):
            judge.expect(
                "failure:around",
                not way(found[payload]).endswith("(lost)"),
                f"at {when(at)}, {DETECTED:g} s after the link has failed, packets go round it",
                found=f"their way is {way(found[payload])}",
                frame=found[payload][-1][0],
            )
            expect_shortest_way(judge, found, plan, "a", "b", payload, ["r1-r2"])
        elif at < ns(cut) - 10 * MILLISECOND or at >= ns(mended + PERIOD + 0.05):
            expect_shortest_way(judge, found, plan, "a", "b", payload)
    expect_right_vectors(judge, trace, plan, by=ns(cut + DETECTED + PERIOD), broken=["r1-r2"], poisoned=True)
    expect_right_vectors(judge, trace, plan, by=ns(mended + 3), poisoned=True)


@pytest.mark.exact
@pytest.mark.seeds(1)
def test_a_link_that_flaps(judge: Judge) -> None:
    """A link of the mesh fails and comes back three times: in the end nothing of that is left in any router."""
    draw = judge.random
    link = draw.choice(("r1-r4", "r4-r5", "r1-r3")).replace("r1-r4", "r4-r1")
    begin = 8 + draw.randrange(100) / 100
    cuts = [f"cut {link}:{begin + n * 4.5:.2f}s-{begin + n * 4.5 + 3.5:.2f}s" for n in range(3)]
    until = begin + 3 * 4.5 + 2
    scene, packets = travelling("flapping", Mesh, *cuts, until=until, every=0.25)
    trace = judge.play(scene)
    judge.bites("something was lost on the link", any(frame.lost == "cut" for frame in trace.frames()))
    plan, found = Plan.of(Mesh()), trips(trace)
    expect_right_vectors(judge, trace, plan, by=ns(until), poisoned=True)
    for at, payload in packets:
        if at >= ns(until - 1.5):
            expect_shortest_way(judge, found, plan, "a", "b", payload)


@pytest.mark.exact
@pytest.mark.seeds(1)
def test_nobody_counts_in_a_line(judge: Judge) -> None:
    """The last link of a line fails: within a few links' time all know it, and no two routers hold a packet up."""
    cut = 8 + judge.random.randrange(100) / 100
    scene, packets = travelling("line-cut", Line, f"cut r3-r4:{cut}s-60s", until=cut + 6)
    trace = judge.play(scene)
    found = trips(trace)
    for _, payload in packets:
        links = Counter(frame.direction for frame, _ in found[payload])
        judge.expect(
            "line:once",
            max(links.values()) == 1,
            "no packet crosses a link twice",
            found=f"its way: {way(found[payload])}",
            frame=found[payload][-1][0],
        )
    lost = next((f.at for f, v in said(trace, "r3-r2") if f.at > ns(cut) and metric(v, net("10.2.0.0/16")) == 16), None)
    judge.expect(
        "line:noticed",
        lost is not None and lost <= ns(cut + DETECTED),
        "three periods after it last heard r4, r3 says that b's network is lost",
        found=f"it says so at {when(lost)}" if lost else "it never says so",
    )
    for direction in ("r2-r1", "r1-a"):
        later = [(f, metric(v, net("10.2.0.0/16"))) for f, v in said(trace, direction) if f.at > (lost or 0)]
        frame = later[0][0] if later else None
        judge.expect(
            "line:at-once",
            frame is not None and frame.at <= (lost or 0) + 5 * MILLISECOND,
            f"a few milliseconds after r3, {direction.split('-')[0]} passes it on",
            found=f"it next speaks at {when(frame.at)}" if frame else "it says nothing",
            frame=frame,
        )
        judge.expect(
            "line:gone",
            all(far == INFINITY for _, far in later),
            f"from then on b's network is said to be lost on {direction}",
            found=f"it is said to be at {[far for _, far in later]}",
            frame=frame,
        )
    expect_right_vectors(judge, trace, Plan.of(Line()), by=ns(cut + 6), broken=["r3-r4"], poisoned=True)


@pytest.mark.exact
@pytest.mark.seeds(2)
def test_a_count_to_infinity(judge: Judge) -> None:
    """Three routers in a circle count each other up, at the speed of the wire; at 16 they stop, and nothing is left."""
    draw = judge.random
    after = draw.randrange(4, 7) + draw.randrange(6, 10) / 10
    scene = counting(draw.randrange(1, 7), after=after, missed_by=draw.choice(("r1", "r2")))
    text, late = b"lost", ns(after + 4)
    scene = replace(scene, programs=(*scene.programs, sender("a", [(late, BEYOND[1], text)])))
    trace = judge.play(scene)
    told = [(f, v[BEYOND]) for d in ("r1-a", "r2-b", "r3-c") for f, v in said(trace, d) if BEYOND in v]
    counted = sorted({far for frame, far in told if frame.at > ns(after) and far < INFINITY})
    judge.bites(f"the routers counted: {counted}", len(counted) >= 4)
    beyond = [(frame, far) for frame, far in told if far > INFINITY]
    judge.expect(
        "infinity:bound",
        not beyond,
        "no metric is ever more than 16",
        found=f"a router says {beyond[0][1]}" if beyond else "",
        frame=beyond[0][0] if beyond else None,
    )
    for host, end in (("r1", "a"), ("r2", "b"), ("r3", "c")):
        frame, vector = last_said(trace, f"{host}-{end}", late)
        judge.expect(
            "infinity:end",
            metric(vector, BEYOND) == INFINITY,
            f"4 s after r4 has lost it, {host} says that {BEYOND} is at 16",
            found=f"it says {metric(vector, BEYOND)}",
            frame=frame,
        )
    _expect_quick(judge, trace, after)
    expect_way(judge, "infinity:dropped", trips(trace), "lost", "a-r1", "r1 knows no way, and drops it")


def _expect_quick(judge: Judge, trace: Trace, after: float) -> None:
    """Expect that the count, once all links are there, takes no longer than the vectors need to travel."""
    begin = int(after) + 1.8
    steps = [
        frame.at
        for direction in ("r1-a", "r2-b", "r3-c")
        for frame, vector in said(trace, direction)
        if frame.at > ns(begin) and metric(vector, BEYOND) > 7
    ]
    first = min(steps, default=0)
    last = max((f.at for d in ("r1-a", "r2-b", "r3-c") for f, v in said(trace, d) if metric(v, BEYOND) < 16), default=0)
    judge.expect(
        "infinity:quick",
        last - first <= SECOND // 10,
        "from 8 on they count within a tenth of a second, for each change is passed on at once",
        found=f"it takes {when(last - first)}",
    )
