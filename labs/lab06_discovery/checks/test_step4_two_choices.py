"""Step 4: two at random, and the less loaded of them."""

import json
from collections.abc import Mapping, Sequence

import pytest
from mininet.topo import Topo

from labs.lab06_discovery.evidence import asked, percentile, waits
from labs.lab06_discovery.peers import near, random_source
from labs.lab06_discovery.scenes import balanced
from labs.testbed.judge import Judge
from labs.testbed.scene import Offering, Port, Program, Scene
from labs.testbed.unit import Script

pytestmark = pytest.mark.step("4")

PICKS = 4000
FAST, SLOW = 0.01, 0.4


@pytest.mark.seeds(1)
def test_what_is_under_way(judge: Judge) -> None:
    """`LeastLoaded` counts the requests under way, and never fewer than none."""
    script = Script("pending")
    script.make("balance.LeastLoaded", store="load")
    for label, what, wanted in (
        ("new", "", 0),
        ("one", "begin", 1),
        ("two", "begin", 2),
        ("less", "end", 1),
        ("none", "end", 0),
        ("below", "end", 0),
        ("again", "begin", 1),
    ):
        if what:
            took = (0.25,) if what == "end" else ()
            script.call(f"load.{what}", *took, keywords={"now": 1.0}, because="a request begins or ends")
        script.call(
            "load.load", keywords={"now": 1.0}, returns=near(wanted), because=f"{wanted} are under way", label=label
        )
    judge.unit(script)


@pytest.mark.seeds(1)
def test_one_or_two(judge: Judge) -> None:
    """Of one, that one; of two, the less loaded, always; of none, `NoEndpoints`. What is known of who stays is kept."""
    script = Script("few")
    script.make("balance.TwoChoices", store="balancer", keywords={"randomness": random_source(script, 4)})
    now = {"now": 1.0}

    def pick(wanted: object, because: str, label: str, times: int = 6) -> None:
        for _ in range(times):
            script.call("balancer.pick", keywords=now, returns=wanted, because=because, label=label)

    def begin(endpoint: str, times: int) -> None:
        for _ in range(times):
            script.call("balancer.begin", endpoint, keywords=now, because=f"{endpoint} has one more")

    def there(*endpoints: object) -> None:
        script.call("balancer.set_endpoints", list(endpoints), because="these are there now")

    script.call("balancer.pick", keywords=now, raises="NoEndpoints", because="nobody is there yet", label="none")
    there("a")
    pick("a", "there is no other", "one", times=2)
    there("a", "b")
    begin("a", 9)
    pick("b", "a has nine under way, b none", "lower", times=1)
    pick("b", "of two, both are drawn each time", "pair")
    begin("b", 8)
    pick("b", "a has nine under way, b eight: to pick is not to begin", "only-picks")
    begin("b", 2)
    pick("a", "a has nine, b ten", "less")
    there("b", "c")
    pick("c", "b has ten under way still, c is new", "kept")
    for _ in range(9):
        script.call("balancer.end", "b", 0.1, keywords=now, because="one of ten is over")
    script.call("balancer.end", "a", 0.1, keywords=now, because="a has gone: nobody counts its requests", label="left")
    script.call("balancer.begin", "z", keywords=now, because="z was never there", label="unknown")
    begin("c", 2)
    pick("b", "b has one under way, c two", "ended")
    there("c", "a")
    pick("a", "a comes again, as somebody new", "again")
    there(("10.0.3.1", 8080), ("10.0.4.1", 8080))
    script.call("balancer.begin", ("10.0.3.1", 8080), keywords=now, because="an endpoint may be anything hashable")
    pick(("10.0.4.1", 8080), "the other has none", "hashable", times=2)
    there()
    script.call("balancer.pick", keywords=now, raises="NoEndpoints", because="all have gone", label="all-gone")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_all_are_ill(judge: Judge) -> None:
    """Where nobody is available, one is picked all the same, also if it is the only one."""
    script = Script("ill")
    look_up = script.make("operator.attrgetter", "__contains__", store="look_up").name
    nobody = script.make(look_up, script.make("builtins.frozenset", ["z"], store="well"), store="nobody")
    keywords = {"randomness": random_source(script, 4), "is_available": nobody}
    script.make("balance.TwoChoices", store="balancer", keywords=keywords)
    script.call("balancer.set_endpoints", ["a"], because="one is there")
    because = "to believe that all are broken helps nobody"
    script.call("balancer.pick", keywords={"now": 1.0}, returns="a", because=because, label="one")
    script.call("balancer.set_endpoints", ["a", "b"], because="two are there")
    script.call("balancer.begin", "a", keywords={"now": 1.0}, because="a has one under way")
    for _ in range(4):
        script.call("balancer.pick", keywords={"now": 1.0}, returns="b", because="b has none", label="two")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_the_same_luck(judge: Judge) -> None:
    """Chance is what `randomness` says: with the same one, two balancers that share nothing pick the same."""
    script = Script("luck")
    picked: dict[str, list[object]] = {"first": [], "second": []}
    for store, found in picked.items():
        source = script.make("random.Random", 7, store=f"{store}_random")
        script.make("balance.TwoChoices", store=store, keywords={"randomness": source})
        because = "nobody is there yet"
        script.call(f"{store}.pick", keywords={"now": 1.0}, raises="NoEndpoints", because=because, label="own")
        script.call(f"{store}.set_endpoints", [f"p{n}" for n in range(8)], because="eight are there")
        for _ in range(12):
            keep = found.append
            script.call(
                f"{store}.pick",
                keywords={"now": 1.0},
                returns=lambda endpoint, keep=keep: keep(endpoint) is None,
                because="one of eight",
            )
    judge.unit(script)
    judge.expect("luck:same", picked["first"] == picked["second"], "twelve picks are the same", found=f"{picked}")


class _Desk(Topo):
    """One host, and no network."""

    def build(self, *args: object, **options: object) -> None:
        self.addHost("desk")


def _drawn(judge: Judge, orders: Sequence[Mapping[str, object]]) -> list[dict[str, float]]:
    """The shares that `given/draws.py` tells of each order."""
    offers = tuple(Offering(json.dumps({"count": PICKS, **order}).encode()) for order in orders)
    scene = Scene(
        name="draws",
        topology=_Desk,
        programs=(Program(host="desk", file="draws.py"),),
        ports=(Port(host="desk", offers=offers, enough=len(offers)),),
    )
    told = judge.play(scene).delivered("desk")
    judge.expect("draws:silence", len(told) == len(offers), f"{PICKS} picks each time", found=f"{len(told)} answers")
    return [{name: count / PICKS for name, count in json.loads(each).items()} for each in told]


@pytest.mark.seeds(2)
def test_two_of_five(judge: Judge) -> None:
    """Of five, the one with the least gets two in five, the next three in ten, and the one with the most nothing."""
    source = judge.random
    names = [f"p{n}" for n in range(5)]
    source.shuffle(names)
    even = {"endpoints": names, "pending": {}, "available": names}
    loads = {name: n for n, name in enumerate(names)}
    source.shuffle(order := list(names))
    steps = {"endpoints": order, "pending": loads, "available": names}
    same, ranked = _drawn(judge, [even, steps])
    for name in names:
        share = same.get(name, 0.0)
        judge.expect(
            "draws:even",
            0.13 < share < 0.27,
            "where all have the same, each gets about a fifth",
            found=f"{name} gets {share:.0%}; {_shown(same)}",
        )
    for rank, name in enumerate(names):
        share, wanted = ranked.get(name, 0.0), (4 - rank) / 10
        judge.expect(
            f"draws:{'least' if rank == 0 else 'most' if rank == 4 else 'middle'}",
            abs(share - wanted) < 0.04,
            f"of ten pairs of five, {4 - rank} are won by the one with {rank} under way",
            found=f"it gets {share:.1%}; {_shown(ranked)}",
        )


@pytest.mark.seeds(2)
def test_who_is_not_available(judge: Judge) -> None:
    """Who is not available is passed over, however idle; unless nobody is, for that helps nobody."""
    three, twelve = ["p1", "p2", "p3"], [f"p{n}" for n in range(1, 13)]
    busy = {"p1": 5}
    equal, one, lonely, none = _drawn(
        judge,
        [
            {"endpoints": three, "pending": {}, "available": ["p1", "p2"]},
            {"endpoints": three, "pending": busy, "available": ["p1", "p2"]},
            {"endpoints": twelve, "pending": busy, "available": ["p1"]},
            {"endpoints": three, "pending": {"p1": 2, "p2": 1}, "available": []},
        ],
    )
    judge.expect("ill:equal", equal.get("p3", 0.0) == 0.0, "who is well wins over who is not", found=_shown(equal))
    judge.expect(
        "ill:avoided", one.get("p3", 0.0) == 0.0, "in each pair of three is one that is well", found=_shown(one)
    )
    judge.expect("ill:other", one.get("p2", 0.0) > 0.5, "and of the two that are well, the idle one", found=_shown(one))
    judge.expect(
        "ill:drawn",
        0.27 < one.get("p1", 0.0) < 0.4,
        "who is ill is drawn, too: of a pair with it, the busy one wins, in one of three",
        found=_shown(one),
    )
    share, wanted = lonely.get("p1", 0.0), 1 - (5 / 6) ** 5
    judge.expect(
        "ill:again",
        abs(share - wanted) < 0.035,
        f"of twelve, only a busy one is well: it is in one of six pairs, and in one of five in a row {wanted:.1%}",
        found=f"it gets {share:.1%}",
    )
    judge.expect(
        "ill:nobody",
        none.get("p1", 0.0) == 0 and 0.27 < none.get("p2", 0.0) < 0.4,
        "if nobody is well, the winner of a pair is used: the least loaded two times in three, the next one in three",
        found=_shown(none),
    )


def _shown(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in sorted(shares.items()))


@pytest.mark.exact
@pytest.mark.seeds(1)
def test_the_slow_one_gets_less(judge: Judge) -> None:
    """One of three players is slow: by turns it gets a third of the questions, by load hardly any."""
    slow = judge.random.choice(("p1", "p2", "p3"))
    takes = {host: SLOW if host == slow else FAST for host in ("p1", "p2", "p3")}
    by_turns, by_load = (judge.play(balanced(kind, takes, count=120)) for kind in ("round robin", "least loaded"))
    turns, loads = asked(by_turns, takes), asked(by_load, takes)
    judge.bites("by turns, the slow one gets a third", abs(turns[slow] / turns.total() - 1 / 3) < 0.02)
    share = loads[slow] / max(1, loads.total())
    judge.expect(
        "wire:all", len(waits(by_load)) == 120, "each of 120 questions is answered", found=f"{len(waits(by_load))} are"
    )
    judge.expect("wire:slow", share < 0.18, "the slow one gets less than 18 % of them", found=f"it gets {share:.0%}")
    for host in sorted(set(takes) - {slow}):
        share = loads[host] / loads.total()
        judge.expect("wire:fast", 0.3 < share < 0.65, f"{host}, which is fast, gets its part", found=f"{share:.0%}")
    middle, before = percentile(waits(by_load), 0.8), percentile(waits(by_turns), 0.8)
    judge.bites("by turns, one in five waits for the slow one", before > SLOW)
    judge.expect(
        "wire:waits",
        middle < SLOW / 2,
        f"four of five wait less than {SLOW / 2} s; by turns one in five waits {before:.2f} s",
        found=f"80 % wait up to {middle:.2f} s",
    )
