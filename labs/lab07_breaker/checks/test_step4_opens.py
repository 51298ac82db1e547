"""Step 4: when too much fails, the breaker opens."""

import pytest

from labs.lab07_breaker.drills import Alert, Drilled
from labs.lab07_breaker.evidence import calls
from labs.lab07_breaker.scenes import FOREVER, at, pair
from labs.testbed.judge import Judge
from labs.testbed.unit import Script

pytestmark = pytest.mark.step("4")


@pytest.mark.seeds(1)
def test_twenty_calls_and_half_of_them(judge: Judge) -> None:
    """It takes 20 calls within the window, and half of them failed; then nothing passes."""
    script = Script("opens")
    first = Drilled.make(script, "first")
    first.calls("f", now=1.0, passed=1, because="a call that fails", label="failure")
    first.counts(1, 1, now=1.0, because="one failure, of one call", label="failure-counts")
    one = Drilled.make(script)
    one.calls("sf", now=1.0, passed=2, because="a call that succeeds, and one that fails", label="two")
    one.counts(1, 2, now=1.0, because="one failure, of two calls", label="two-counts")
    one.calls("s", now=1.0, passed=1, because="one that succeeds", label="another")
    one.counts(1, 3, now=1.0, because="what failed has failed", label="another-counts")
    two = Drilled.make(script, "two")
    two.calls("f" * 19, now=1.0, passed=19, because="19 failures are too few to say anything", label="nineteen")
    two.stands("closed", because="so it is closed", label="closed")
    two.calls("f", now=1.0, passed=1, because="the twentieth", label="twentieth")
    two.stands("open", because="twenty, and all of them failed", label="open")
    two.calls("sssss", now=5.9, passed=0, because="for five seconds nothing passes", label="nothing")
    most = Drilled.make(script, "most")
    most.calls("s" * 8 + "f" * 12, now=1.0, passed=20, because="12 of 20 fail", label="most")
    most.stands("open", because="20 calls are enough, of which more than half have failed", label="most-open")
    half = Drilled.make(script, "half")
    half.calls("s" * 11 + "f" * 10, now=1.0, passed=21, because="10 of 21 are less than half", label="less")
    half.stands("closed", because="so it is closed", label="less-closed")
    half.calls("f", now=1.0, passed=1, because="11 of 22 are half", label="half")
    half.stands("open", because="half is enough", label="half-open")
    other = Drilled.make(script, "other", requests=4, percent=75, window=20.0)
    other.calls("sfff", now=1.0, passed=4, because="three of four", label="three")
    other.stands("open", because="75 per cent of 4 were asked for", label="numbers-open")
    few = Drilled.make(script, "few", requests=40, percent=75)
    few.calls("s" * 11 + "f" * 29, now=1.0, passed=40, because="29 of 40 are 72.5 per cent", label="few")
    few.stands("closed", because="75 were asked for", label="percent")
    near = Drilled.make(script, "near", requests=203)
    near.calls("s" * 102 + "f" * 101, now=1.0, passed=203, because="101 of 203 are 49.75 per cent", label="near")
    near.stands("closed", because="which is less than 50", label="near-closed")
    last = Drilled.make(script, "last", requests=4)
    last.calls("fff", now=1.0, passed=3, because="three failures", label="last-three")
    last.calls("s", now=1.0, passed=1, because="and a success, which is no reason to open", label="last-success")
    last.stands("closed", because="it looks at its counts when a call has failed", label="last-closed")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_what_counts(judge: Judge) -> None:
    """What is older than the window, what was refused, and what was abandoned, does not count."""
    script = Script("counts")
    one = Drilled.make(script)
    one.calls("f" * 19, now=0.5, passed=19, because="19 failures in slice 0", label="nineteen")
    one.counts(19, 19, now=9.9, because="slice 0 is one of the ten in slice 9", label="still")
    one.calls("f", now=10.0, passed=1, because="another, in slice 10", label="later")
    one.stands("closed", because="slice 0 is forgotten", label="forgotten")
    one.counts(1, 1, now=10.0, because="one failure, of one call", label="one")
    long = Drilled.make(script, "long", window=20.0)
    long.calls("f", now=1.5, passed=1, because="a slice of this one's window has two seconds", label="long")
    long.counts(1, 1, now=19.9, because="the first of which is forgotten at 20.0", label="long-still")
    long.counts(0, 0, now=20.0, because="and not before", label="long-gone")
    two = Drilled.make(script, "shy")
    two.calls(
        "a" * 30 + "s" * 5 + "f" * 4,
        now=1.0,
        passed=39,
        because="30 that say nothing, 5 good ones, 4 bad ones",
        label="shy",
    )
    two.counts(4, 9, now=1.0, because="those that say nothing are not there", label="shy-counts")
    three = Drilled.make(script, "shut", requests=2)
    three.calls("ff", now=1.0, passed=2, because="it opens", label="opens")
    three.counts(2, 2, now=1.0, because="which changes nothing about what has happened", label="opens-counts")
    three.calls("f" * 9, now=1.0, passed=0, because="it refuses nine", label="shut")
    three.counts(2, 2, now=1.0, because="the refused ones are not there", label="shut-counts")
    fresh = Drilled.make(script, "fresh")
    fresh.counts(0, 0, now=1.0, because="another circuit counts for itself", label="fresh")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_somebody_is_told(judge: Judge) -> None:
    """When it opens, `alert` is told: of what, from and to which state, when, and by which counts. Once."""
    script = Script("alert")
    heard = script.make("drill.Notebook", store="heard")
    one = Drilled.make(script, name="players", requests=5, alert=heard)
    script.call("heard.watch", one.made, because="somebody looks at it whenever it tells", label="watch")
    one.calls("ssfff", now=2.5, passed=5, because="three of five fail", label="five")
    script.get("heard.changes", returns=["open"], because="one alert: it is open now", label="told")
    script.get("heard.seen", returns=["open"], because="and it was open already when it told", label="seen")
    told = [Alert("players", "closed", "open", 2.5, 3, 5)]
    script.get("heard.heard", returns=told, because="one alert, about players", label="heard")
    one.calls("fff", now=3.5, passed=0, because="and further calls are refused", label="refused")
    script.get("heard.heard", returns=told, because="which changes nothing", label="once")
    judge.unit(script)


@pytest.mark.seeds(2)
def test_a_dead_host_is_left_alone(judge: Judge) -> None:
    """*players* dies. *teams* calls it as often as its breaker wants, and no more; people hear so at once."""
    good, requests = judge.random.randint(3, 8), judge.random.randint(10, 20)
    until = 1 + good / 10
    times = [1 + n / 10 for n in range(good + requests + 20)]
    scene = pair(
        at(*times),
        name="dies",
        teams={"timeout": 1.0, "breaker": {"requests": requests}},
        players={"ill": [[until - 0.05, FOREVER, "down"]]},
    )
    trace = judge.play(scene)
    wanted = max(requests, 2 * good)
    seen = len(calls(trace, "teams-players"))
    text = f"of {good} calls that succeed and then others that fail, {wanted} are made until it opens, and none after"
    judge.expect("dead:more", seen <= wanted, text, found=f"{seen} were made")
    judge.expect("dead:fewer", seen == wanted, text, found=f"{seen} were made")
    last = trace.at_port("delivered", "teams")[-1].at / 1e9
    judge.expect(
        "dead:late",
        last - times[-1] < 0.001,
        "whoever asks then hears at once that it is of no use",
        found=f"after {last - times[-1]:.3f} s",
    )


@pytest.mark.seeds(1)
def test_bad_questions_are_nobodys_illness(judge: Judge) -> None:
    """*players* calls 30 questions bad ones: that says nothing about players, and the 31st is asked too."""
    times = [1 + n / 10 for n in range(31)]
    scene = pair(at(*times), name="bad", teams={"breaker": {"requests": 5}}, players={"ill": [[0, 3.95, "bad"]]})
    trace = judge.play(scene)
    seen = len(calls(trace, "teams-players"))
    judge.expect("bad:all", seen == len(times), "all 31 are asked", found=f"{seen} were")
    judge.expect("bad:answered", b"Ada" in trace.delivered("teams")[-1], "the last is answered", found="it was not")
