"""Step 5: what the next request would cost: recent answer times, a peak believed at once, times those that wait."""

import math

import pytest

from labs.lab06_discovery.evidence import arrived, asked, percentile, waits
from labs.lab06_discovery.peers import near, random_source
from labs.lab06_discovery.scenes import balanced
from labs.testbed.judge import Judge
from labs.testbed.unit import Script
from netstack.wire import MILLISECOND

pytestmark = pytest.mark.step("5")

FAST, SLOW = 0.01, 0.3


def tell(script: Script, *story: tuple[str, float, object, str, str], load: str = "load") -> None:
    """A story of one load: `begin`, `end` (with how long it took), and what its `load` is then."""
    for what, now, value, label, because in story:
        if what == "load":
            script.call(f"{load}.load", keywords={"now": now}, returns=value, because=because, label=label)
        else:
            took = (value,) if what == "end" else ()
            script.call(
                f"{load}.{what}", *took, keywords={"now": now}, because=because or f"a request: {what}", label=label
            )


@pytest.mark.seeds(1)
def test_a_peak_is_believed(judge: Judge) -> None:
    """A slower answer counts at once, a faster one by and by; without answers it fades, in ten seconds to e⁻¹."""
    script = Script("peak")
    script.make("balance.PeakEwma", store="once")
    tell(
        script,
        ("begin", 1000.0, None, "begin-once", ""),
        ("end", 1000.2, 0.2, "end-once", "it took 0.2 s"),
        ("load", 1010.2, lambda load: load < 0.19, "fades", "ten seconds later it is less"),
        load="once",
    )
    script.make("balance.PeakEwma", store="load")
    third = math.exp(-1)
    second = 0.2 * third * math.exp(-0.1) + 0.02 * (1 - math.exp(-0.1))
    tell(
        script,
        ("begin", 1000.0, None, "begin", ""),
        ("end", 1000.2, 0.2, "end", "it took 0.2 s"),
        ("begin", 1000.2, None, "begin-1", ""),
        ("load", 1000.2, lambda load: 0 < load < 1, "known", "something is known, and one is under way"),
        ("end", 1000.2, 0.2, "end-1", "it took 0.2 s, too"),
        ("load", 1000.2, near(0.2), "first", "nothing waits: what one request took"),
        ("load", 1010.2, near(0.2 * third), "third", "ten seconds later it is e⁻¹ of what it was"),
        ("begin", 1011.1, None, "begin-2", ""),
        ("end", 1011.2, 0.02, "end-2", "it took 0.02 s, one second after the last look"),
        ("load", 1011.2, near(second), "falls", "e⁻⁰·¹ of what it was, and the rest of what is new"),
        ("begin", 1011.2, None, "begin-3", ""),
        ("end", 1012.0, 0.8, "end-3", "it took 0.8 s, more than was thought"),
        ("load", 1012.0, near(0.8), "peak", "a peak is believed at once"),
    )
    judge.unit(script)


@pytest.mark.seeds(1)
def test_those_that_wait(judge: Judge) -> None:
    """The cost is multiplied by the requests under way, and the next one; fading goes by `decay`."""
    script = Script("waiting")
    script.make("balance.PeakEwma", store="load", keywords={"decay": 5.0})
    tell(
        script,
        ("begin", 7.0, None, "begin", ""),
        ("end", 7.1, 0.1, "end", "it took 0.1 s"),
        ("begin", 7.1, None, "begin-2", ""),
        ("load", 7.1, near(0.2), "one", "one is under way, and the next would be the second"),
        ("begin", 7.1, None, "begin-3", ""),
        ("load", 7.1, near(0.3), "two", "two are under way"),
        ("load", 12.1, near(0.3 * math.exp(-1)), "decay", "five seconds later, with a decay of five"),
        ("end", 12.1, 0.1, "end-2", "one is over, in 0.1 s"),
        ("load", 12.1, near(0.2), "after", "0.1 s is a peak by now, and one is under way"),
        ("end", 12.1, 0.1, "end-3", "the other is over"),
        ("end", 12.1, 0.1, "end-4", "and one that was never counted: its endpoint had gone meanwhile"),
        ("load", 12.1, near(0.1), "none", "fewer than none cannot be under way"),
    )
    judge.unit(script)


@pytest.mark.seeds(1)
def test_a_newcomer(judge: Judge) -> None:
    """Of whom nothing is known: Finagle sends one request and no second before its answer; tower assumes a time."""
    script = Script("newcomer")
    script.make("balance.PeakEwma", store="finagle")
    tell(
        script,
        ("load", 50.0, near(0.0), "idle", "nothing is known: it costs nothing to try"),
        ("begin", 50.0, None, "begin", ""),
        ("load", 50.0, 2**47, "penalty", "2⁴⁷-1, and one under way: nobody else tries it"),
        ("begin", 50.0, None, "begin-2", ""),
        ("load", 90.0, 2**47 + 1, "penalty-two", "and two under way"),
        ("end", 90.0, 40.0, "end", "it answers after 40 s"),
        ("load", 90.0, near(80.0), "known", "now it is known, and one is under way"),
        load="finagle",
    )
    script.make("balance.PeakEwma", store="early", keywords={"newcomer": 0.03})
    tell(script, ("load", 0.0, near(0.03), "assumed", "30 ms are assumed"), load="early")
    script.make("balance.PeakEwma", store="tower", keywords={"newcomer": 0.03})
    tell(
        script,
        ("load", 1e6, near(0.03), "assumed-late", "30 ms are assumed, whatever the clock says"),
        ("begin", 1e6, None, "begin-3", ""),
        ("load", 1e6, near(0.06), "assumed-one", "one is under way"),
        (
            "load",
            1e6 + 10,
            near(0.06 * math.exp(-1)),
            "assumed-fades",
            "an assumption fades too, from the first look on",
        ),
        ("end", 1e6 + 10, 0.5, "end-2", "it took 0.5 s"),
        ("load", 1e6 + 10, near(0.5), "assumed-known", "now it is known"),
        load="tower",
    )
    judge.unit(script)


@pytest.mark.seeds(1)
def test_in_the_balancer(judge: Judge) -> None:
    """`TwoChoices(make=PeakEwma)` makes one for each endpoint, tells it what requests took, and compares them."""
    script = Script("made")
    source = random_source(script, 5)
    script.make("operator.attrgetter", "PeakEwma", store="look_up")
    make = script.make("look_up", script.make("importlib.import_module", "balance", store="module"), store="make")
    script.make("balance.TwoChoices", store="balancer", keywords={"randomness": source, "make": make})
    script.call("balancer.set_endpoints", ["a", "b"], because="two are there")
    for endpoint, took in (("a", 0.2), ("b", 0.1)):
        script.call("balancer.begin", endpoint, keywords={"now": 1.0}, because="a request")
        script.call("balancer.end", endpoint, took, keywords={"now": 1.0 + took}, because=f"it took {took} s")
    for _ in range(4):
        script.call("balancer.pick", keywords={"now": 1.3}, returns="b", because="b is the faster one", label="faster")
    script.call("balancer.begin", "b", keywords={"now": 1.3}, because="b has one")
    script.call("balancer.begin", "b", keywords={"now": 1.3}, because="and another")
    because = "a third one at b would cost 0.3 s, at a 0.2 s"
    for _ in range(4):
        script.call("balancer.pick", keywords={"now": 1.3}, returns="a", because=because, label="waiting")
    judge.unit(script)


@pytest.mark.exact
@pytest.mark.seeds(1)
def test_the_slow_one_is_not_noticed(judge: Judge) -> None:
    """One of three players is slow: it gets next to nothing, and 99 of 100 people do not notice that it is there."""
    slow = judge.random.choice(("p1", "p2", "p3"))
    takes = {host: SLOW if host == slow else FAST for host in ("p1", "p2", "p3")}
    by_turns = judge.play(balanced("round robin", takes, count=60))
    by_cost = judge.play(balanced("peak ewma", takes, count=240))
    before, after = percentile(waits(by_turns), 0.99), percentile(waits(by_cost), 0.99)
    judge.bites("by turns, one in a hundred waits for the slow one", before > SLOW)
    shares = asked(by_cost, takes)
    judge.bites("the slow one was tried", shares[slow] > 0)
    judge.expect(
        "wire:slow",
        shares[slow] < 0.05 * shares.total(),
        "the slow one gets fewer than 5 of 100 questions",
        found=f"it gets {shares[slow]} of {shares.total()}",
    )
    judge.expect(
        "wire:p99",
        after < SLOW / 2,
        f"99 of 100 people wait less than {SLOW / 2} s; by turns that is {before:.2f} s",
        found=f"it is {after:.2f} s",
    )


@pytest.mark.exact
@pytest.mark.seeds(1)
def test_a_cold_newcomer(judge: Judge) -> None:
    """A newcomer needs 2 s for its first answer: one person waits for it; with tower's assumption, more do."""
    takes = {"p1": FAST, "p2": FAST, "p3": 2.0}
    came = 1.0
    finagle, tower = (
        judge.play(balanced(kind, takes, count=80, every=40 * MILLISECOND, later={"p3": came}))
        for kind in ("peak ewma", "tower")
    )
    tried, assumed = (sum(came <= at < came + 2 for at, _ in arrived(trace, "p3", "ask")) for trace in (finagle, tower))
    judge.expect("cold:one", tried == 1, "until it has answered, one question goes there", found=f"{tried} did")
    judge.expect(
        "cold:tower", assumed > 1, "who is assumed to need 30 ms gets more than one meanwhile", found=f"{assumed} did"
    )
