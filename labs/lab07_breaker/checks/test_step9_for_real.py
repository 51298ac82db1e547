"""Step 9: the same over the kernel's TCP, by a clock that does not stand still."""

from itertools import pairwise

import pytest

from labs.conformance import asking, drawn, expect_answers
from labs.lab07_breaker.evidence import calls
from labs.lab07_breaker.judgements import expect_a_bounded_storm
from labs.lab07_breaker.scenes import APPLICATION, at, pair
from labs.testbed.judge import Judge
from netstack.wire import MILLISECOND, SECOND

pytestmark = [pytest.mark.step("9"), pytest.mark.testbeds("mininet")]

WELL = 3.5
SLEEP = 0.8
LATE = 0.3  # seconds that a busy machine may take


def test_the_application_over_the_kernel(judge: Judge) -> None:
    """On an emulated network people ask *teams*, and get their answers, with your budget and your breaker."""
    asked = drawn(judge.random, 10)
    trace = judge.play(asking(APPLICATION, asked, every=50 * MILLISECOND))
    expect_answers(judge, trace, APPLICATION, asked, in_order=False)


def test_the_storm_for_real(judge: Judge) -> None:
    """There *cards* is down, and three tiers try three times: your budget bounds what reaches it."""
    expect_a_bounded_storm(judge, count=judge.random.randint(12, 18), reserve=0.5)


def test_the_breaker_for_real(judge: Judge) -> None:
    """There *players* is down for three seconds: ten calls, then one each sleep, and when it is well, all."""
    times = [0.5 + n / 25 for n in range(125)]
    scene = pair(
        at(*times),
        name="for-real",
        teams={"timeout": 0.5, "breaker": {"requests": 10, "sleep": SLEEP}},
        players={"ill": [[0, WELL, "down"]]},
        seconds=8,
    )
    trace = judge.play(scene)
    good = [each.at / SECOND for each in trace.at_port("delivered", "teams") if b"Ada" in each.payload]
    judge.expect("real:over", bool(good), "a probe finds out that players is well again", found="nobody was answered")
    made = [each.at for each in calls(trace, "teams-players") if each.at < good[0] - 0.01]
    gaps = [other - one for one, other in pairwise(made[9:])]
    text = f"ten calls fail, then from one to the next pass {SLEEP} s"
    judge.expect("real:some", len(gaps) >= 2, text, found=f"{len(made)} calls were made")
    judge.expect("real:early", min(gaps) > SLEEP - 0.01, text, found=f"{min(gaps):.3f} s in one case")
    judge.expect("real:late", max(gaps) < SLEEP + LATE, text, found=f"{max(gaps):.3f} s in one case")
    after = sum(each > good[0] for each in times)
    judge.expect("real:all", len(good) >= after - 10, "from then on all are answered", found=f"{len(good)} of {after}")
