"""Step 4: nobody waits longer than a second."""

from dataclasses import replace

import pytest

from labs.conformance import Asked, about, asking, expect_answers
from labs.lab00_machine.scenes import teams_alone
from labs.lab00_machine.starter import business
from labs.testbed.judge import Judge
from labs.testbed.scene import Reader
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


@pytest.mark.step(4)
@pytest.mark.exact
def test_people_who_listen_later(judge: Judge) -> None:
    """Where people listen to an answer seconds after it was there, it is the only one."""
    teams = judge.random.sample([*business.CARDS], 3)
    asked, scene = [*map(about, teams)], teams_alone("later", ())
    (port,) = scene.ports
    later = Reader(pauses=((0, 3000 * MILLISECOND),))
    trace = judge.play(asking(replace(scene, ports=(replace(port, reader=later),)), asked, every=100 * MILLISECOND))
    sorries = {*map(business.apology, teams)} & {*trace.delivered("machine")}
    judge.expect(
        "patience:listening",
        not sorries,
        "nobody hears an apology beside an answer: a second is the time for finding it, not for listening to it",
        found=", ".join(sorted(each.decode() for each in sorries)),
    )
    expect_answers(judge, trace, scene, asked, in_order=False)


def sorry(team: str) -> Asked:
    return Asked(about(team).question, business.apology(team))


def in_milliseconds(waits: list[int]) -> str:
    return "people waited " + ", ".join(f"{wait / MILLISECOND:.0f} ms" for wait in waits)
