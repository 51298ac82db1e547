"""Step 4: nobody waits longer than a second."""

import pytest

from labs.conformance import Asked, about, asking, expect_answers
from labs.lab00_machine.scenes import teams_alone
from labs.lab00_machine.starter import business
from labs.testbed.judge import Judge
from netstack.wire import MILLISECOND

PATIENCE, SLACK = 1000 * MILLISECOND, 50 * MILLISECOND


@pytest.mark.step(4)
@pytest.mark.exact
def test_a_jammed_drawer_earns_an_apology_after_a_second(judge: Judge) -> None:
    """Whoever asks about a team whose drawer jams hears an apology after a second, and all others their answer."""
    jammed, *fine = judge.random.sample([*business.CARDS], 4)
    scene = teams_alone("jammed", (), slow={jammed: 3600.0})
    asked = [sorry(jammed), *map(about, fine), sorry(jammed), about(fine[0])]
    every = judge.random.choice([0, 100, 250]) * MILLISECOND
    trace = judge.play(asking(scene, asked, every=every))
    apologies = [event.at for event in trace.at_port("delivered", "machine") if event.payload == asked[0].answer]
    judge.expect("patience:apology", bool(apologies), f"somebody says: {asked[0].answer.decode()!r}")
    expect_answers(judge, trace, scene, asked, in_order=False)
    waits = [at - index * every for at, index in zip(apologies, (0, 4), strict=True)]
    judge.expect(
        "patience:late",
        max(waits) <= PATIENCE + SLACK,
        "an apology comes a second after its question",
        found=in_milliseconds(waits),
    )
    judge.expect("patience:early", min(waits) >= PATIENCE - SLACK, "and no sooner", found=in_milliseconds(waits))


@pytest.mark.step(4)
@pytest.mark.exact
def test_a_slow_drawer_is_waited_for(judge: Judge) -> None:
    """A drawer that takes 0.9 s is waited for, also while another jams."""
    slow, jammed, fine = judge.random.sample([*business.CARDS], 3)
    scene = teams_alone("slow", (), slow={slow: 0.9, jammed: 3600.0})
    asked = [sorry(jammed), about(slow), about(fine), about(slow)]
    trace = judge.play(asking(scene, asked, every=400 * MILLISECOND))
    expect_answers(judge, trace, scene, asked, in_order=False)


@pytest.mark.step(4)
@pytest.mark.exact
def test_too_late_is_too_late(judge: Judge) -> None:
    """After an apology no answer follows, when the drawer opens after all."""
    slow, fine = judge.random.sample([*business.CARDS], 2)
    scene = teams_alone("too-late", (), slow={slow: 1.4})
    asked = [sorry(slow), about(fine)]
    trace = judge.play(asking(scene, asked, every=2000 * MILLISECOND))
    expect_answers(judge, trace, scene, asked)


@pytest.mark.step(4)
@pytest.mark.exact
def test_teams_lives_on(judge: Judge) -> None:
    """Half a minute after a jam questions are answered as ever."""
    jammed, fine = judge.random.sample([*business.CARDS], 2)
    scene = teams_alone("afterwards", (), slow={jammed: 3600.0})
    asked = [sorry(jammed), about(fine)]
    trace = judge.play(asking(scene, asked, every=30_000 * MILLISECOND))
    expect_answers(judge, trace, scene, asked)


def sorry(team: str) -> Asked:
    return Asked(about(team).question, business.apology(team))


def in_milliseconds(waits: list[int]) -> str:
    return "people waited " + ", ".join(f"{wait / MILLISECOND:.0f} ms" for wait in waits)
