"""Step 5: half open, exactly one call finds out whether it is over."""

from itertools import pairwise

import pytest

from labs.conformance import conforms
from labs.lab07_breaker.drills import Alert, Drilled
from labs.lab07_breaker.evidence import calls
from labs.lab07_breaker.scenes import APPLICATION, at, pair
from labs.story.trace import Trace
from labs.testbed.judge import Judge
from labs.testbed.unit import Script
from netstack.wire import SECOND

pytestmark = pytest.mark.step("5")


def tripped(script: Script, store: str = "one", *, now: float = 1.0, **told: object) -> Drilled:
    """A breaker that has opened at `now`."""
    one = Drilled.make(script, store, **{"requests": 5, **told})
    one.calls("fffff", now=now, passed=5, because="five calls fail", label=f"{store}-trips")
    return one


@pytest.mark.seeds(1)
def test_exactly_one(judge: Judge) -> None:
    """After the sleep one passes, and all others wait until it is known what came of it."""
    script = Script("probe")
    one = tripped(script)
    one.asks(now=5.99, heard=[False] * 3, because="it sleeps until 6.0", label="asleep")
    one.asks(now=6.0, heard=[True], because="whoever asks then is the one who finds out", label="awake")
    one.stands("half open", because="nothing is known yet", label="half-open")
    one.asks(now=6.0, heard=[False, False], because="one is enough", label="others")
    one.asks(now=60.0, heard=[False] * 2, because="the one has not come back", label="still")
    one.hears("failed", now=60.0, because="it has failed", label="failed")
    one.stands("open", because="so it is open again", label="open")
    one.asks(now=64.9, heard=[False], because="with a new sleep, from 60.0 on", label="anew")
    one.asks(now=65.0, heard=[True, False], because="one more finds out", label="second")
    one.hears("succeeded", now=65.5, because="it has succeeded", label="succeeded")
    one.stands("closed", because="so it is over", label="closed")
    one.asks(now=65.5, heard=[True] * 4, because="all pass", label="all")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_the_counts_begin_anew(judge: Judge) -> None:
    """When it closes, what was counted before is forgotten: it takes as much to open as the first time."""
    script = Script("anew")
    one = tripped(script, sleep=1.0)
    one.calls("s", now=2.0, passed=1, because="after a second one finds out that it is over", label="over")
    one.counts(0, 0, now=2.0, because="the counts begin anew", label="empty")
    one.calls("ffff", now=2.5, passed=4, because="four more fail", label="four")
    one.stands("closed", because="four are too few", label="closed")
    one.calls("f", now=2.5, passed=1, because="the fifth", label="fifth")
    one.stands("open", because="five of five", label="open")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_a_probe_that_comes_to_nothing(judge: Judge) -> None:
    """Whoever was to find out was cancelled: the next one finds out, at once."""
    script = Script("abandoned")
    one = tripped(script)
    one.asks(now=6.0, heard=[True, False], because="one finds out", label="one")
    one.counts(5, 5, now=6.5, because="what failed before is known still", label="half-open-counts")
    one.hears("abandoned", now=6.5, because="nothing came of it", label="abandoned")
    one.stands("half open", because="nothing is known yet", label="half-open")
    one.asks(now=6.5, heard=[True, False], because="the next one finds out", label="next")
    one.hears("failed", now=7.0, because="it has failed", label="failed")
    one.counts(6, 6, now=7.0, because="six have failed lately, the probe is one of them", label="failed-counts")
    one.asks(now=12.0, heard=[True, False], because="and after the sleep again exactly one", label="again")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_latecomers(judge: Judge) -> None:
    """Calls that began before it opened end while it is open: they do not prolong the sleep, nor end it."""
    script = Script("late")
    heard = script.make("drill.Notebook", store="heard")
    one = Drilled.make(script, name="players", requests=2, alert=heard)
    script.call("heard.watch", one.made, because="somebody looks at it whenever it tells", label="watch")
    one.asks(now=1.0, heard=[True] * 5, because="five are under way", label="five")
    one.hears("failed", now=2.0, because="one fails", label="first")
    one.hears("failed", now=2.0, because="two fail: it opens", label="second")
    one.hears("failed", now=4.0, because="the third fails", label="third")
    one.hears("succeeded", now=4.5, because="the fourth succeeds", label="fourth")
    one.hears("abandoned", now=4.6, because="the fifth was cancelled", label="fifth")
    one.stands("open", because="it has opened at 2.0, and that is that", label="open")
    one.counts(3, 4, now=4.6, because="three have failed, and one has succeeded", label="late-counts")
    one.asks(now=6.9, heard=[False], because="it sleeps until 7.0", label="asleep")
    one.asks(now=7.0, heard=[True, False], because="and no longer", label="awake")
    one.hears("succeeded", now=7.5, because="it is over", label="over")
    changes = ["open", "half open", "closed"]
    script.get("heard.changes", returns=changes, because="each change is told, once, in order", label="changes")
    script.get("heard.seen", returns=changes, because="when it has happened", label="seen")
    told = [
        Alert("players", "closed", "open", 2.0, 2, 2),
        Alert("players", "open", "half open", 7.0, 3, 4),
        Alert("players", "half open", "closed", 7.5, 0, 0),
    ]
    script.get("heard.heard", returns=told, because="with the counts as they are then", label="heard")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_jitter(judge: Judge) -> None:
    """Each time it opens, `jitter` is asked once how many seconds are to be added to the sleep."""
    script = Script("jitter")
    draws = script.make("drill.Draws", [2.0, 0.5, 9.0], store="draws")
    one = tripped(script, jitter=draws)
    one.asks(now=6.5, heard=[False], because="opened at 1.0, it sleeps 5 + 2 seconds", label="longer")
    one.asks(now=7.9, heard=[False] * 9, because="however often somebody asks", label="asleep")
    one.asks(now=8.0, heard=[True, False], because="and no longer", label="awake")
    one.hears("failed", now=8.5, because="it is not over", label="failed")
    one.asks(now=13.9, heard=[False], because="opened at 8.5, it sleeps 5 + 0.5 seconds", label="asleep-again")
    one.asks(now=14.0, heard=[True], because="and no longer", label="awake-again")
    judge.unit(script)


HICCUP = [17.1, 17.4, "down"]
"""Soon after the circuit has closed, *players* fails those who asked at 17 s."""


def probes(trace: Trace, begin: float) -> list[float]:
    """When *teams* called *players* from `begin` on, in seconds."""
    return [each.at for each in calls(trace, "teams-players") if each.at > begin]


@pytest.mark.seeds(2)
def test_one_probe_a_sleep(judge: Judge) -> None:
    """*players* is ill for long; ten people ask every half second. One call each sleep goes out, until one succeeds."""
    well = judge.random.uniform(12.5, 15.5)
    times = [1 + n / 2 for n in range(40) for _ in range(10)]
    scene = pair(
        at(*times),
        name="probes",
        teams={"timeout": 1.0, "breaker": {"sleep": 3.0, "window": 40.0}},
        players={"ill": [[0, well, "down"], HICCUP], "work": 0.2},
    )
    trace = judge.play(scene)
    found = probes(trace, 2.5)
    failing = [each for each in found if each < well - 0.2]
    gaps = [other - one for one, other in pairwise(failing)]
    text = "from one probe to the next pass three seconds and what the probe took, until somebody asks"
    judge.expect("probes:some", len(failing) >= 2, text, found=f"{len(failing)} calls were made while it was ill")
    judge.expect("probes:early", min(gaps) >= 3.0, text, found=f"{min(gaps):.3f} s in one case")
    judge.expect("probes:late", max(gaps) < 3.8, text, found=f"{max(gaps):.3f} s in one case")
    good = [each.at / SECOND for each in trace.at_port("delivered", "teams") if b"Ada" in each.payload]
    text = "a probe finds out that it is over"
    judge.expect("probes:over", any(each < well + 4 for each in good), text, found="nobody was answered soon after")
    asked = sum(each > HICCUP[1] for each in times)
    answered = sum(each > HICCUP[1] for each in good)
    text = f"ten calls that fail soon after are too few to open it again: the {asked} questions after them are answered"
    judge.expect("probes:anew", answered == asked, text, found=f"{answered} were")


@pytest.mark.seeds(2)
def test_whoever_finds_out_may_give_up(judge: Judge) -> None:
    """*players* hangs, and people are impatient: a probe that is cancelled keeps nobody out."""
    patience = judge.random.uniform(0.25, 0.45)
    times = [1 + n / 2 for n in range(36)]
    scene = pair(
        at(*times),
        name="gives-up",
        teams={"patience": patience, "breaker": {"requests": 4}},
        players={"ill": [[0, 2.75, "down"], [2.75, 12.25, "hangs"]]},
    )
    trace = judge.play(scene)
    hanging = probes(trace, 6.0)
    judge.expect(
        "gives-up:next",
        len(hanging) >= 3,
        "each that asks after the sleep finds out, for all before gave up",
        found=f"{len(hanging)} calls were made",
    )
    good = sum(b"Ada" in each.payload for each in trace.at_port("delivered", "teams") if each.at > 12.75 * SECOND)
    asked = sum(each > 12.75 for each in times)
    judge.expect(
        "gives-up:over", good == asked, "when players is well again, all are answered", found=f"{good} of {asked} are"
    )


@pytest.mark.seeds(1)
def test_the_application(judge: Judge) -> None:
    """People ask *teams*, *teams* asks *players*, with your budget and your breaker between them: the same answers."""
    conforms(judge, APPLICATION, count=4, every=SECOND // 4)
