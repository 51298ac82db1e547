"""Right answers pass, starters earn nothing, mistakes are caught at their step: one seed of what `lab prove` does.

Labs 0 to 2 and 4b, whose submissions are made in other ways, have such tests of their own.
"""

import shutil
from pathlib import Path

import pytest

from labs.course import Kind, Lab, open_course
from labs.grading.examination import Examination
from labs.grading.reference import lay_out, read_patches, right_answers
from labs.testbed.judge import Verdict

MISTAKES = {
    "3": ["answers_once", "places_by_remainder", "pause_grows_for_ever", "limit_compared_plainly", "hears_everything"],
    "4": ["one_a_piece", "new_letterbox", "mends_credit", "read_when_begun", "no_end"],
    "5": ["true_is_an_id", "late_is_a_mistake", "one_after_another", "forgets_the_oldest"],
    "6": ["renews_nothing", "all_at_once", "compares_with_itself", "no_peak", "the_list_heals"],
    "7": ["for_each_call", "never_paid", "in_a_row", "everybody_probes", "lost_probe", "untold"],
    "8": ["sees_questions", "thousand_breakers", "notes_instances"],
}
LABS = {number: open_course().lab(number) for number in MISTAKES}
ANSWERS = [(number, answer) for number, lab in LABS.items() for answer in (None, *right_answers(lab))]


def built(lab: Lab) -> list[str]:
    """The steps whose programs are judged on `sim`."""
    return [step.id for step in lab.steps if step.kind is Kind.BUILD and "sim" in step.testbeds and not step.elective]


def verdicts(lab: Lab, submission: Path, wanted: list[str]) -> dict[str, Verdict]:
    with Examination(lab=lab, submission=submission, counts={"sim": 1}) as examination:
        return {result.step.id: result.verdict for result in examination.steps(list(map(lab.step, wanted)))}


def submission(lab: Lab, folder: Path, instead: Path | None = None) -> Path:
    """The reference, with the files of `instead` in the place of its own."""
    laid = lay_out(open_course(), lab, folder)
    if instead is not None:
        shutil.copytree(instead, laid, dirs_exist_ok=True)
    return laid


@pytest.mark.parametrize(
    ("number", "answer"),
    ANSWERS,
    ids=[f"{number}-{answer.name if answer else 'reference'}" for number, answer in ANSWERS],
)
def test_a_right_answer_passes(number: str, answer: Path | None, tmp_path: Path) -> None:
    lab = LABS[number]
    found = verdicts(lab, submission(lab, tmp_path / "own", answer), built(lab))
    assert found == dict.fromkeys(built(lab), Verdict.PASS)


@pytest.mark.parametrize("number", LABS)
def test_the_starter_earns_nothing(number: str, tmp_path: Path) -> None:
    lab = LABS[number]
    found = verdicts(lab, submission(lab, tmp_path / "own", lab.folder / "starter"), built(lab))
    assert found == dict.fromkeys(built(lab), Verdict.FAIL)


@pytest.mark.parametrize(("number", "name"), [(number, name) for number, names in MISTAKES.items() for name in names])
def test_a_mistake_is_caught_at_its_step(number: str, name: str, tmp_path: Path) -> None:
    lab = LABS[number]
    (patch,) = [patch for patch in read_patches(lab.folder / "wrong") if patch.name == name]
    patch.apply(submission(lab, tmp_path / "mistaken"))
    step = patch.one("step")
    assert verdicts(lab, tmp_path / "mistaken", [step]) == {step: Verdict.FAIL}
