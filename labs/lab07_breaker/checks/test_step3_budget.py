"""Step 3: retries may be a share of the requests, and no more."""

from dataclasses import dataclass, field

import pytest

from labs.lab07_breaker.drills import about
from labs.lab07_breaker.evidence import calls
from labs.lab07_breaker.judgements import expect_a_bounded_storm
from labs.lab07_breaker.scenes import DOWN, at, pair
from labs.testbed.judge import Judge
from labs.testbed.program.values import Stored
from labs.testbed.unit import Script

pytestmark = pytest.mark.step("3")


@dataclass(slots=True)
class Budget:
    """A student's budget in a unit script, under the name `store`; `told` are its keywords."""

    script: Script
    store: str
    told: dict[str, float]
    made: Stored = field(init=False)

    def __post_init__(self) -> None:
        self.made = self.script.make("budget.RetryBudget", store=self.store, keywords=self.told)

    def requests(self, count: int, *, now: float, because: str, label: str) -> None:
        """So many requests are made, for the first time."""
        keywords = {"count": count, "now": now}
        self.script.call("drill.requests", self.made, keywords=keywords, because=because, label=label)

    def retries(self, made: int, *, of: int, now: float, because: str, label: str) -> None:
        """Of so many retries that somebody wants, so many may be made."""
        keywords = {"wanted": of, "now": now}
        self.script.call("drill.retries", self.made, keywords=keywords, returns=made, because=because, label=label)

    def holds(self, balance: float, *, now: float, because: str, label: str) -> None:
        """The balance, but for what floating point does."""
        call = f"{self.store}.balance"
        text = f"{because}: {balance:g}"
        self.script.call(call, keywords={"now": now}, returns=about(balance), because=text, label=label)


@pytest.mark.seeds(1)
def test_one_in_five(judge: Judge) -> None:
    """Without a reserve the fifth request brings a retry, and no retry brings another; to be refused costs nothing."""
    script = Script("share")
    one = Budget(script, "one", {"reserve": 0})
    one.holds(0.0, now=1.0, because="nothing was asked yet", label="nothing")
    one.holds(0.0, now=1.0, because="and to look costs nothing", label="look")
    one.retries(0, of=1, now=1.0, because="no retry may be made", label="none")
    one.holds(0.0, now=1.0, because="to be refused has cost nothing", label="refused")
    one.requests(1, now=1.0, because="one request", label="request")
    one.holds(0.2, now=1.0, because="brings a fifth of a retry", label="fifth")
    one.requests(3, now=1.05, because="three more", label="three")
    one.holds(0.8, now=1.05, because="four fifths, of all four together", label="together")
    one.retries(0, of=30, now=1.05, because="are less than one", label="less")
    one.requests(1, now=1.1, because="the fifth", label="five")
    one.holds(1.0, now=1.1, because="to be refused 30 times has cost nothing", label="refused-often")
    one.retries(1, of=1, now=1.2, because="one may be made", label="one")
    one.retries(0, of=30, now=1.2, because="and is paid for", label="paid")
    one.holds(0.0, now=1.2, because="it was no request, and brings no share of its own", label="breeds")
    other = Budget(script, "other", {"reserve": 0})
    other.holds(0.0, now=1.2, because="nobody has asked anything by way of another budget", label="other")
    other.requests(5, now=1.2, because="five by way of that", label="other-five")
    one.holds(0.0, now=1.2, because="are nothing to this one", label="own")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_what_leaks_out(judge: Judge) -> None:
    """What was ten slices ago counts no longer: neither a request for you, nor a retry against you."""
    script = Script("leaks")
    rich = Budget(script, "rich", {"reserve": 5.0})
    rich.holds(50.0, now=1.0, because="five a second, for ten seconds", label="reserve")
    rich.holds(50.0, now=99.0, because="a reserve does not grow", label="full")
    poor = Budget(script, "poor", {"reserve": 0})
    poor.requests(10, now=0.5, because="ten requests in slice 0", label="ten")
    poor.holds(2.0, now=9.99, because="slice 0 is one of the last ten in slice 9", label="still")
    poor.retries(1, of=1, now=9.99, because="one retry is made", label="late")
    poor.retries(0, of=9, now=10.0, because="in slice 10 slice 0 is forgotten", label="gone")
    poor.requests(10, now=18.0, because="ten more", label="ten-more")
    poor.retries(1, of=9, now=18.0, because="the retry of slice 9 still counts against you", label="owed")
    poor.holds(1.0, now=19.0, because="in slice 19 it does not", label="forgiven")
    debtor = Budget(script, "debtor", {"reserve": 0})
    debtor.requests(10, now=0.5, because="ten requests in slice 0", label="debtor-ten")
    debtor.retries(2, of=9, now=9.99, because="two retries are made", label="debtor-late")
    debtor.holds(-2.0, now=10.0, because="the requests are forgotten, the retries are not", label="debt")
    quick = Budget(script, "quick", {"seconds": 2.0, "reserve": 5.0})
    quick.retries(10, of=99, now=0.3, because="five a second, for two seconds", label="quick")
    quick.retries(0, of=99, now=2.15, because="a slice has 0.2 s; the oldest that counts is that of 0.2", label="held")
    quick.retries(10, of=99, now=2.2, because="they have leaked out", label="again")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_a_thousand_calls_to_a_dead_host(judge: Judge) -> None:
    """1,000 calls to a dead host within one window make exactly 1,300 attempts; and so with other numbers."""
    script = Script("thousand")
    for label, told, count, wanted in (
        ("1300", {}, 1000, 1300),
        ("share", {"reserve": 0}, 400, 480),
        ("reserve", {"share": 0}, 400, 500),
        ("numbers", {"seconds": 4, "share": 0.5, "reserve": 3}, 100, 162),
    ):
        script.call(
            "drill.attempts",
            Budget(script, f"budget_{label}", told).made,
            keywords={"calls": count, "begin": 0.25, "every": 1 / 300},
            returns=wanted,
            because=f"{count} calls, each tried again as long as it may be: {wanted} attempts",
            label=label,
        )
    judge.unit(script)


@pytest.mark.seeds(2)
def test_the_storm_with_a_budget(judge: Judge) -> None:
    """*cards* is down, three tiers try three times, each with your budget: the calls on each wire are counted."""
    source = judge.random
    expect_a_bounded_storm(judge, count=source.randint(20, 30), reserve=source.choice((0.5, 1.0)))


@pytest.mark.seeds(1)
def test_another_day(judge: Judge) -> None:
    """*players* is down, and people ask in a burst; and again when a window has passed: the same share, and reserve."""
    bursts = [[begin + n / 10 for n in range(20)] for begin in (1.0, 9.0)]
    budget = {"seconds": 5.0, "reserve": 1.0}
    scene = pair(at(*bursts[0], *bursts[1]), name="bursts", teams={"tries": 3, "budget": budget}, players=DOWN)
    made = [each.at for each in calls(judge.play(scene), "teams-players")]
    for begin, burst in zip(("first", "second"), bursts, strict=True):
        seen = sum(0 <= each - burst[0] < 8 for each in made)
        text = f"of the 20 calls of the {begin} burst come 29: a fifth, and 5 in reserve"
        judge.expect(f"bursts:{begin}", seen == 29, text, found=f"{seen} were made")


@pytest.mark.seeds(1)
def test_what_fails_by_chance_is_mended(judge: Judge) -> None:
    """*players* is down for two milliseconds, again and again: whoever hits them is answered all the same."""
    times = [1.0 + n for n in range(8)]
    down = [[time + 1.0, time + 1.0022, "down"] for time in times[:-1:2]]
    scene = pair(at(*times), name="hiccups", teams={"tries": 3, "budget": {}}, players={"ill": down})
    trace = judge.play(scene)
    seen = len(calls(trace, "teams-players"))
    judge.expect(
        "hiccup:retries", seen == 12, "eight questions, four of which are asked a second time", found=f"{seen} calls"
    )
    good = sum(b"Ada" in each for each in trace.delivered("teams"))
    judge.expect("hiccup:answers", good == 8, "all eight are answered", found=f"{good} are")
