"""Step 7: the same over the kernel's TCP: an instance leaves, and one is killed."""

import pytest

from labs.conformance import asking, drawn, expect_answers
from labs.lab06_discovery.scenes import people
from labs.lab08_library.evidence import called, heard
from labs.lab08_library.scenes import APPLICATION, registered, town
from labs.testbed.judge import Judge
from netstack.wire import MILLISECOND, SECOND

pytestmark = [pytest.mark.step("7"), pytest.mark.testbeds("mininet")]


def test_the_application_over_the_kernel(judge: Judge) -> None:
    """On an emulated network people ask *teams*, and get their answers, by your client."""
    asked = drawn(judge.random, 10)
    trace = judge.play(asking(APPLICATION, asked, every=50 * MILLISECOND))
    expect_answers(judge, trace, APPLICATION, asked, in_order=False)


def test_who_leaves_and_who_is_killed(judge: Judge) -> None:
    """There one instance leaves in order, one is killed without a word, and one comes: nobody hears an apology."""
    players = [
        registered("p1", end=4.0),
        registered("p2", killed=5.0),
        registered("p3"),
        registered("p4", begin=3.0),
    ]
    asked = people(100, every=50 * MILLISECOND, begin=2 * SECOND)
    trace = judge.play(town("for-real", players, asked, seconds=9))
    made = called(trace, ("p1", "p2", "p3", "p4"))
    judge.bites("who was killed had been asked", any(each.at < 5.0 for each in made["p2"]))
    judge.expect("real:comes", bool(made["p4"]), "p4 comes, and is asked", found="it was not")
    good, bad = heard(trace)
    judge.expect("real:answers", bad == 0, "nobody hears an apology", found=f"{bad} did, and {good} an answer")
    judge.expect("real:all", good == len(asked), "everybody hears an answer", found=f"{good} of {len(asked)} did")
