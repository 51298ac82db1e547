"""Step 3: retries may be a share of the requests, and no more."""

import pytest

from labs.lab07_breaker.drills import about
from labs.lab07_breaker.evidence import calls
from labs.lab07_breaker.judgements import expect_a_bounded_storm
from labs.lab07_breaker.scenes import at, pair
from labs.testbed.judge import Judge
from labs.testbed.unit import Script

pytestmark = pytest.mark.step("3")


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
        budget = script.make("budget.RetryBudget", store=f"budget_{label}", keywords=told)
        script.call(
            "drill.attempts",
            budget,
            keywords={"calls": count, "begin": 0.25, "every": 1 / 300},
            returns=wanted,
            because=f"{count} calls, each tried again as long as it may be: {wanted} attempts",
            label=label,
        )
    judge.unit(script)


@pytest.mark.seeds(1)
def test_one_in_five(judge: Judge) -> None:
    """Without a reserve the fifth request brings a retry, and no retry brings another; to be refused costs nothing."""
    script = Script("share")
    budget = script.make("budget.RetryBudget", store="one", keywords={"reserve": 0})
    script.call("one.may_retry", keywords={"now": 1.0}, returns=False, because="nothing was asked yet", label="0")
    script.call("drill.requests", budget, keywords={"count": 4, "now": 1.0}, because="four requests", label="four")
    script.call(
        "drill.retries",
        budget,
        keywords={"wanted": 30, "now": 1.0},
        returns=0,
        because="a fifth of four is less than one",
        label="less",
    )
    script.call("one.request", keywords={"now": 1.1}, because="the fifth", label="fifth")
    script.call(
        "one.balance",
        keywords={"now": 1.1},
        returns=about(1.0),
        because="to be refused 30 times has cost nothing",
        label="balance",
    )
    script.call(
        "drill.retries",
        budget,
        keywords={"wanted": 30, "now": 1.2},
        returns=1,
        because="a fifth of five is one",
        label="one",
    )
    script.call("one.balance", keywords={"now": 1.2}, returns=about(0.0), because="it is paid for", label="paid")
    script.call("drill.requests", budget, keywords={"count": 5, "now": 1.3}, because="five more", label="more")
    script.call(
        "drill.retries",
        budget,
        keywords={"wanted": 30, "now": 1.3},
        returns=1,
        because="a retry is no request, and brings none",
        label="again",
    )
    script.make("budget.RetryBudget", store="other", keywords={"reserve": 0})
    script.call(
        "other.balance",
        keywords={"now": 1.3},
        returns=about(0.0),
        because="another client has a budget of its own",
        label="other",
    )
    judge.unit(script)


@pytest.mark.seeds(1)
def test_what_leaks_out(judge: Judge) -> None:
    """What was ten slices ago counts no longer: neither a request for you, nor a retry against you."""
    script = Script("leaks")
    poor = script.make("budget.RetryBudget", store="poor", keywords={"reserve": 0})
    script.call("drill.requests", poor, keywords={"count": 10, "now": 0.5}, because="ten requests", label="ten")
    script.call(
        "poor.balance",
        keywords={"now": 9.99},
        returns=about(2.0),
        because="slice 0 is one of the last ten in slice 9",
        label="still",
    )
    script.call(
        "drill.retries", poor, keywords={"wanted": 1, "now": 9.99}, returns=1, because="one is made", label="late"
    )
    script.call(
        "drill.retries",
        poor,
        keywords={"wanted": 9, "now": 10.0},
        returns=0,
        because="in slice 10 slice 0 is forgotten",
        label="gone",
    )
    script.call("drill.requests", poor, keywords={"count": 10, "now": 18.0}, because="ten more", label="ten-more")
    script.call(
        "drill.retries",
        poor,
        keywords={"wanted": 9, "now": 18.0},
        returns=1,
        because="the retry of slice 9 still counts against you",
        label="owed",
    )
    rich = script.make("budget.RetryBudget", store="rich", keywords={"seconds": 2.0, "reserve": 5.0})
    script.call(
        "drill.retries",
        rich,
        keywords={"wanted": 99, "now": 0.3},
        returns=10,
        because="five a second, for two seconds, in reserve",
        label="reserve",
    )
    script.call(
        "drill.retries",
        rich,
        keywords={"wanted": 99, "now": 2.15},
        returns=0,
        because="slices are 0.2 s; they were made in the oldest that counts",
        label="held",
    )
    script.call(
        "drill.retries",
        rich,
        keywords={"wanted": 99, "now": 2.2},
        returns=10,
        because="they leaked out, and the reserve is full again",
        label="again",
    )
    script.call(
        "rich.balance",
        keywords={"now": 99.0},
        returns=about(10.0),
        because="a reserve does not grow beyond a window's",
        label="full",
    )
    judge.unit(script)


@pytest.mark.seeds(2)
def test_the_storm_with_a_budget(judge: Judge) -> None:
    """*cards* is down, three tiers try three times, each with your budget: the calls on each wire are counted."""
    source = judge.random
    expect_a_bounded_storm(judge, count=source.randint(20, 30), reserve=source.choice((0.5, 1.0)))


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
