"""Step 6: the registry is gone, and people notice nothing."""

from collections.abc import Sequence

import pytest

from labs.conformance import conforms
from labs.lab06_discovery.evidence import arrived, sent_by, waits
from labs.lab06_discovery.peers import are, instance
from labs.lab06_discovery.scenes import APPLICATION, outage
from labs.story.trace import Trace
from labs.testbed.judge import Judge
from labs.testbed.program.values import Stored
from labs.testbed.unit import Script
from netstack.wire import SECOND

pytestmark = pytest.mark.step("6")

MOST_KNOCKS = 13


def asks(script: Script, at: float, because: str, label: str, *, store: str = "known") -> None:
    """When the registry should be asked next."""
    script.call(f"{store}.next_timer", returns=lambda found: abs(found - at) < 1e-6, because=because, label=label)


def answered(
    script: Script, instances: Sequence[str | Stored], now: float, because: str = "the registry answers"
) -> None:
    """The registry answers."""
    script.call("known.answered", instances, keywords={"now": now}, because=because)


def failed(script: Script, now: float) -> None:
    """The registry does not answer."""
    script.call("known.failed", keywords={"now": now}, because="the registry does not answer")


@pytest.mark.seeds(1)
def test_what_is_believed(judge: Judge) -> None:
    """Whoever was there is there, until the registry says otherwise: silence says nothing, and nobody is no answer."""
    script = Script("belief")
    script.make("lastgood.LastGood", store="known")

    def believed(wanted: list[str], because: str, label: str) -> None:
        script.get("known.instances", returns=wanted, because=because, label=label)

    believed([], "nobody has answered yet", "nothing")
    failed(script, 0.0)
    believed([], "still nobody has", "failed-first")
    answered(script, [], 1.0, "the registry knows of nobody")
    believed([], "there was nobody before either", "empty-first")
    answered(script, ["p1", "p2", "p3"], 31.0)
    believed(["p1", "p2", "p3"], "these are there", "three")
    failed(script, 61.0)
    believed(["p1", "p2", "p3"], "silence says nothing about them", "silence")
    answered(script, ["p2", "p4"], 62.0)
    believed(["p2", "p4"], "the registry says otherwise", "otherwise")
    answered(script, [], 92.0, "a registry that has just begun knows nobody")
    believed(["p2", "p4"], "nobody is no answer, where there was somebody", "nobody")
    answered(script, ["p4"], 93.0)
    believed(["p4"], "it has been told again", "told-again")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_when_to_ask(judge: Judge) -> None:
    """After an answer in 30 s; after none in 1 s, then after twice as long each time, up to 30; nobody is none."""
    script = Script("asking")
    script.make("lastgood.LastGood", store="known")
    script.call("known.next_timer", returns=lambda at: at <= 0.0, because="at once", label="at-once")
    failed(script, 5.0)
    asks(script, 6.0, "in a second", "first")
    failed(script, 6.5)
    asks(script, 8.5, "in two", "second")
    answered(script, [], 8.6, "the registry has just begun")
    asks(script, 12.6, "nobody is as good as no answer: in four", "empty-first")
    answered(script, ["p1"], 9.0)
    asks(script, 39.0, "in thirty", "good")
    at = 40.0
    for pause in (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
        failed(script, at)
        asks(script, at + pause, f"in {pause:.0f} s", f"pause-{pause:.0f}")
        at += pause
    answered(script, [], at, "a registry that has just begun knows nobody")
    asks(script, at + 30.0, "it is as good as no answer", "empty")
    answered(script, ["p1"], at + 1)
    asks(script, at + 31.0, "in thirty", "good-again")
    answered(script, [], at + 31, "and again it knows nobody")
    asks(script, at + 32.0, "in a second", "empty-soon")
    script.make("lastgood.LastGood", store="hasty", keywords={"refresh_every": 5.0, "retry_after": 2.0})
    for now, because in ((0.0, "in two seconds"), (10.0, "in four"), (20.0, "in five"), (30.0, "in five")):
        script.call("hasty.failed", keywords={"now": now}, because="no answer")
        asks(script, now + {0.0: 2.0, 10.0: 4.0}.get(now, 5.0), because, "hasty", store="hasty")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_who_is_avoided(judge: Judge) -> None:
    """Where nobody answered, nobody is called for ten seconds, whatever the registry says meanwhile; others are."""
    script = Script("avoiding")
    script.make("lastgood.LastGood", store="known")
    p1, p2 = instance(script, "p1"), instance(script, "p2", address="10.0.4.1")
    same = instance(script, "p1", store="same")
    moved = instance(script, "p1", address="10.0.5.1", store="moved")
    answered(script, [p1, p2], 0.0)

    def usable(who: Stored, now: float, wanted: bool, because: str, label: str) -> None:
        script.call("known.is_usable", who, keywords={"now": now}, returns=wanted, because=because, label=label)

    def unreachable(who: Stored, now: float, because: str) -> None:
        script.call("known.unreachable", who, keywords={"now": now}, because=because)

    def believed(because: str, label: str) -> None:
        script.get("known.instances", returns=are("p1", "p2"), because=because, label=label)

    usable(p1, 1.0, True, "nothing speaks against it", "new")
    unreachable(p1, 5.0, "nobody answered there")
    believed("whom the registry lists is listed: avoided is something else", "listed")
    usable(p1, 5.0, False, "nobody answered there just now", "avoided")
    usable(same, 5.0, False, "this is the same one: instances are compared by what they say", "same")
    usable(p2, 5.0, True, "p2 is another one", "other")
    usable(moved, 5.0, True, "p1 at another address is another one", "moved")
    answered(script, [p1, p2], 6.0, "the registry lists it still: it cannot know")
    believed("these two are the answer, whoever is avoided", "answer")
    usable(p1, 6.0, False, "the registry's word is older than what was seen", "still")
    failed(script, 7.0)
    answered(script, [p2], 8.0, "it does not list it any more")
    answered(script, [p1, p2], 9.0, "and lists it again")
    usable(p1, 9.2, False, "none of that says that anybody answers there", "unforgiven")
    unreachable(p2, 9.5, "nobody answers there either")
    usable(p1, 14.9, False, "ten seconds are not over, whatever became of p2", "nearly")
    usable(p1, 15.0, True, "now it may be tried", "over")
    usable(p2, 19.4, False, "p2 is avoided for a time of its own", "other-time")
    unreachable(p1, 20.0, "still nobody answers there")
    unreachable(p1, 24.0, "somebody else, who had asked before, finds that too")
    usable(p1, 33.9, False, "another ten seconds, from the last time on", "again")
    usable(p1, 34.0, True, "over again", "again-over")
    script.make("lastgood.LastGood", store="known", keywords={"avoided_for": 3.0})
    unreachable(p1, 46.0, "nobody answers there")
    usable(p1, 48.9, False, "three seconds are not over", "other-terms")
    usable(p1, 49.0, True, "three seconds are over", "other-terms-over")
    judge.unit(script)


def _expect_answers(judge: Judge, trace: Trace, count: int, identity: str, sentence: str) -> None:
    got = trace.delivered("a")
    sorry = sum(not payload.endswith(b": nobody") for payload in got)
    judge.expect(
        identity,
        len(waits(trace)) == count and not sorry,
        sentence,
        found=f"{count - len(got)} have no answer, {sorry} an apology",
    )


@pytest.mark.exact
@pytest.mark.seeds(1)
def test_the_registry_dies(judge: Judge) -> None:
    """The registry dies, then one of those it lists; it comes back with an empty memory; then somebody new comes."""
    source = judge.random
    killed, died = source.randint(15, 25), source.randint(27, 40)
    again = source.randint(55, 65)
    late = again + 10
    story = outage(
        killed=killed * SECOND, died=died * SECOND, again=float(again), late=float(late), count=104, every=SECOND
    )
    trace = judge.play(story)
    judge.bites("p2 was asked before it died", any(at < died for at, _ in arrived(trace, "p2", "ask")))
    _expect_answers(
        judge,
        trace,
        104,
        "dead:answers",
        f"104 people ask, the registry is dead from {killed} to {again} s, and each gets an answer",
    )
    tries = [at for at, _ in arrived(trace, "p2", "syn") if at > died]
    judge.bites("p2 was tried when it was dead", bool(tries))
    most = 2 + (105 - died) // 10
    judge.expect(
        "dead:tries",
        len(tries) <= most,
        f"who died at {died} s is tried once in ten seconds: at most {most} times",
        found=f"it was tried {len(tries)} times",
    )
    judge.expect(
        "dead:new",
        any(at > late for at, _ in arrived(trace, "p4", "ask")),
        f"p4, which has come at {late} s, is asked: the registry is believed again",
        found="it was not",
    )


@pytest.mark.exact
@pytest.mark.seeds(1)
def test_the_registry_is_cut_off(judge: Judge) -> None:
    """The way to the registry is cut for 40 s: people notice nothing, and the registry is not stormed."""
    cut = judge.random.randint(10, 20)
    trace = judge.play(outage(count=70, every=SECOND).scripted(f"cut r-reg:{cut}s-{cut + 40}s"))
    _expect_answers(
        judge,
        trace,
        70,
        "cut:answers",
        f"70 people ask, the registry is cut off from {cut} to {cut + 40} s, and each gets an answer",
    )
    knocks = [
        frame.at / SECOND
        for frame in trace.frames("r-reg", "syn")
        if sent_by(frame, "a") and cut < frame.at / SECOND < cut + 40
    ]
    judge.expect(
        "cut:storm",
        len(knocks) <= MOST_KNOCKS,
        f"teams tries after 1, 2, 4 s, and then each 5 s: at most {MOST_KNOCKS} times in 40 s",
        found=f"it tried {len(knocks)} times",
    )
    judge.expect("cut:again", len(knocks) >= 4, "it goes on trying", found=f"it tried {len(knocks)} times")


@pytest.mark.seeds(1)
def test_the_application(judge: Judge) -> None:
    """All that you have written, together: people ask *teams*, and hear what they hear in every lab."""
    conforms(judge, APPLICATION, count=4)
