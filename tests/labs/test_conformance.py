"""The application behaves the same in every lab, wherever its networking lives."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from labs.conformance import WORD_FOR_WORD, about, asking, conforms, drawn, people_at
from labs.course import Lab, open_course
from labs.grading.checks import import_part
from labs.grading.reference import lay_out
from labs.lab00_machine.scenes import APPLICATION
from labs.testbed import sim
from labs.testbed.cast import Cast
from labs.testbed.judge import Broken, Judge, Verdict, run_check
from labs.testbed.scene import Scene

COURSE = open_course()
LABS = list(COURSE.labs())


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.folder.name)
def test_the_application_conforms(lab: Lab, tmp_path: Path) -> None:
    scene: Scene = import_part(lab, "scenes").APPLICATION
    own = lay_out(COURSE, lab, tmp_path)
    with Cast(own=own, given=lab.folder / "given", hidden=lab.hidden) as cast:
        outcome = run_check(
            lambda judge: conforms(judge, scene),
            lambda scene, seed: sim.play(scene, cast, seed=seed),
            seeds=range(3),
        )
    assert outcome.verdict is Verdict.PASS, (outcome.broken, outcome.broken and outcome.broken.found)


def test_what_stands_here_word_for_word_is_what_the_business_says() -> None:
    for one in WORD_FOR_WORD:
        assert one == about(one.question.decode().removeprefix("Who plays for ").removesuffix("?"))


def test_questions_are_drawn_by_the_seed_and_of_all_sorts() -> None:
    first, again, other = (drawn(random.Random(seed), 12) for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == 12
    assert any(one.is_nobody for one in first)
    assert any(not one.question.isascii() for one in first)


def one_answer_too_many(answers: list[bytes]) -> list[bytes]:
    return [*answers, answers[0]]


def one_too_few(answers: list[bytes]) -> list[bytes]:
    return answers[:-1]


def another_order(answers: list[bytes]) -> list[bytes]:
    return [answers[1], answers[0], *answers[2:]]


def another_word(answers: list[bytes]) -> list[bytes]:
    return [answers[0].replace(b"Ada", b"Eve"), *answers[1:]]


@pytest.mark.parametrize(
    ("change", "identity"),
    [
        (one_answer_too_many, "application:once"),
        (one_too_few, "application:silence:nobody"),
        (another_order, "application:order"),
        (another_word, "application:wrong:players"),
    ],
)
def test_it_notices(change: Callable[[list[bytes]], list[bytes]], identity: str, tmp_path: Path) -> None:
    given = [one.answer for one in WORD_FOR_WORD]
    (tmp_path / "teams.py").write_text(
        "async def main(host):\n"
        f"    for answer in {change(given)!r}:\n"
        "        await host.app.receive()\n"
        "        host.app.send_nowait(answer)\n"
    )
    scene = asking(APPLICATION, [*WORD_FOR_WORD, WORD_FOR_WORD[0]])  # one more question, so that all answers are given
    with Cast(own=tmp_path) as cast:
        judge = Judge(lambda _: sim.play(scene, cast, seed=0), 0)
        with pytest.raises(Broken) as broken:
            conforms(judge, APPLICATION, count=0)
    assert broken.value.identity == identity


def test_a_scene_has_one_place_at_which_people_ask() -> None:
    assert people_at(APPLICATION).host == "machine"
    with pytest.raises(LookupError, match="has 0 ports"):
        people_at(Scene(name="mute", topology=APPLICATION.topology, programs=()))
