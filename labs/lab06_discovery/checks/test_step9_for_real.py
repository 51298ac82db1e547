"""Step 9: the same over the kernel's TCP, in real time: hence with leases of seconds."""

import pytest

from labs.conformance import asking, drawn, expect_answers
from labs.lab06_discovery.evidence import asked, lists, waits
from labs.lab06_discovery.scenes import APPLICATION, balanced, instance, looking, outage, players, registry, scene
from labs.testbed.judge import Judge
from netstack.wire import MILLISECOND, SECOND

pytestmark = [pytest.mark.step("9"), pytest.mark.testbeds("mininet")]

HURRY = {"duration": 2.0, "renewed_every": 0.5, "sweep_every": 1.0}
SLACK = 1.5
"""Seconds for which a busy machine may hold things up."""


def test_the_application_for_real(judge: Judge) -> None:
    """On an emulated network: registry, three instances of *players*, and *teams*, over the kernel's TCP."""
    asked_for = drawn(judge.random, 10)
    trace = judge.play(asking(APPLICATION, asked_for, every=200 * MILLISECOND))
    expect_answers(judge, trace, APPLICATION, asked_for, in_order=False)


def test_a_lease_runs_out_for_real(judge: Judge) -> None:
    """One of three dies after 4 s: two seconds of lease and one of sweeping later it is not listed any more."""
    programs = [
        registry(preserves_itself=False, **HURRY),
        players("p1", instance("p1", renews_every=0.5)),
        players("p2", instance("p2", renews_every=0.5), killed=4 * SECOND),
        players("p3", instance("p3", renews_every=0.5)),
        looking(every=0.25),
    ]
    trace = judge.play(scene("deaths", programs, seconds=10))
    found = lists(trace)
    before = [names for at, names in found if 2.5 < at < 4]
    after = [names for at, names in found if at > 4 + 2 + 1 + SLACK]
    judge.bites("people asked before and after", bool(before) and bool(after))
    judge.expect(
        "real:listed", all("p2" in names for names in before), "p2 is listed as long as it lives", found=_shown(before)
    )
    judge.expect("real:gone", all("p2" not in names for names in after), "then it is not", found=_shown(after))
    others = all({"p1", "p3"} <= set(names) for names in (*before, *after))
    judge.expect("real:others", others, "the two others are listed all the time", found=_shown([*before, *after]))


def test_the_slow_one_for_real(judge: Judge) -> None:
    """One of three players is slow: of 150 questions it gets few, and most people do not notice that it is there."""
    takes = {"p1": 0.01, "p2": 0.01, "p3": 0.5}
    trace = judge.play(balanced("peak ewma", takes, count=150, every=30 * MILLISECOND, begin=2 * SECOND))
    shares = asked(trace, takes)
    judge.bites("the slow one was tried", shares["p3"] > 0)
    judge.expect(
        "real:slow", shares["p3"] < 0.15 * shares.total(), "the slow one gets less than 15 %", found=f"{dict(shares)}"
    )
    judge.expect("real:all", len(waits(trace)) == 150, "all are answered", found=f"{len(waits(trace))} are")


def test_the_registry_dies_for_real(judge: Judge) -> None:
    """The registry dies after 4 s, one of the players after 5, and 60 people get their answers."""
    play = outage(killed=4 * SECOND, died=5 * SECOND, count=60, every=100 * MILLISECOND, begin=2 * SECOND)
    trace = judge.play(play)
    sorry = sum(not payload.endswith(b": nobody") for payload in trace.delivered("a"))
    judge.expect(
        "real:answers",
        len(waits(trace)) == 60 and not sorry,
        "each of 60 people gets an answer",
        found=f"{len(waits(trace))} do, {sorry} of them an apology",
    )


def _shown(found: list[list[str]]) -> str:
    return "; ".join(sorted({" ".join(names) or "nobody" for names in found}))
