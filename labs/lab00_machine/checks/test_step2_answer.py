"""Step 2: every question gets its answer."""

import pytest

from labs.conformance import about, asking, conforms, expect_answers
from labs.lab00_machine.scenes import APPLICATION, asked, teams_alone
from labs.testbed.judge import Judge


@pytest.mark.step(2)
def test_people_get_the_answers_of_the_cards(judge: Judge) -> None:
    """People are told what the cards say of any team: known, unknown, empty, not in ASCII."""
    conforms(judge, APPLICATION)


@pytest.mark.step(2)
def test_a_transfer_is_noticed(judge: Judge) -> None:
    """Asked again after a transfer, teams says what the cards say by then."""
    names = ["Ada", "Edsger", "Grace"]
    moved = judge.random.choice(names)
    names.remove(moved)
    scene = teams_alone(
        "transfer",
        asked((0, "Herons"), (2000, "Otters"), (3000, "Herons")),
        transfers=[(1.0, moved, "Herons", "Otters")],
    )
    trace = judge.play(scene)
    got = [payload.decode("utf-8", "replace") for payload in trace.delivered("machine")]
    wanted = [
        "Herons: Ada, Edsger, Grace",
        f"Otters: Barbara, Leslie, {moved}",
        f"Herons: {', '.join(names)}",
    ]
    judge.expect(
        "transfer:new",
        got == wanted,
        f"{moved} plays for the Otters from second 1 on, and people are told so",
        found=f"the answers were {got}",
    )


@pytest.mark.step(2)
def test_people_who_ask_again_at_once_are_answered_too(judge: Judge) -> None:
    """The same question five times gets five answers."""
    team = judge.random.choice(["Herons", "Otters", "雪豹"])
    five = [about(team)] * 5
    expect_answers(judge, judge.play(asking(APPLICATION, five)), APPLICATION, five)
