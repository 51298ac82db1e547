"""Lab 0: right answers pass, wrong ones are recognised, and every student's questions have an answer of their own."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labs.course import Step, open_course
from labs.grading.checks import find_checks
from labs.lab00_machine import questions
from labs.lab00_machine.scenes import SCENES
from labs.story.trace import PortEvent, Trace
from labs.testbed import sim
from labs.testbed.cast import Cast
from labs.testbed.judge import Outcome, Verdict, derive_seeds, run_check

LAB = open_course().lab("0")
FOLDER = LAB.folder
ON_SIM = [step.id for step in LAB.steps if step.kind == "build" and "sim" in step.testbeds]
RIGHT = sorted(path.name for path in (FOLDER / "right").iterdir())
WRONG = sorted((FOLDER / "wrong").glob("*.patch"))
CHECKS = find_checks(LAB)
HELD = sorted((FOLDER / "held").glob("*.patch"))


def judge_step(cast: Cast, step: str, *, seeds: int = 1) -> Outcome:
    """The first failure of a step, or its last pass, under the first of the seeds that every student has."""
    outcome = None
    for check in (each for each in CHECKS if each.step == step):
        visible = derive_seeds("visible", "0", check.name, seeds)
        outcome = run_check(check.function, lambda scene, seed: sim.play(scene, cast, seed=seed), visible, step=step)
        if outcome.verdict is not Verdict.PASS:
            break
    assert outcome is not None, f"step {step} has no checks"
    return outcome


def submission(folder: Path, *layers: str) -> Path:
    for layer in ("starter", *layers):
        shutil.copytree(FOLDER / layer, folder, dirs_exist_ok=True)
    return folder


def header(patch: Path, key: str) -> list[str]:
    lines = patch.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix(f"# {key}:").strip() for line in lines if line.startswith(f"# {key}:")]


def patched(folder: Path, patch: Path) -> Path:
    own = submission(folder, "reference")
    subprocess.run(["patch", "--silent", "-p1", "-d", own, "-i", patch], check=True, timeout=10)
    return own


@pytest.mark.parametrize("name", ["reference", *(f"right/{name}" for name in RIGHT)])
def test_a_right_answer_passes(tmp_path: Path, name: str) -> None:
    with Cast(own=submission(tmp_path, name), given=FOLDER / "given") as cast:
        for step in ON_SIM:
            outcome = judge_step(cast, step, seeds=3)
            assert outcome.verdict is Verdict.PASS, (step, outcome.broken)


def test_the_starter_runs_and_earns_nothing(tmp_path: Path) -> None:
    with Cast(own=submission(tmp_path), given=FOLDER / "given") as cast:
        for step in ON_SIM:
            outcome = judge_step(cast, step)
            assert outcome.verdict is Verdict.FAIL, step
            assert outcome.fingerprint is not None
            assert not outcome.fingerprint.expectation.startswith("program:"), "the starter ran"


@pytest.mark.parametrize("patch", WRONG, ids=lambda path: path.stem)
def test_a_wrong_answer_is_recognised(tmp_path: Path, patch: Path) -> None:
    (wanted,) = header(patch, "step")
    with Cast(own=patched(tmp_path, patch), given=FOLDER / "given") as cast:
        for step in ON_SIM[: ON_SIM.index(wanted)]:
            assert judge_step(cast, step).verdict is Verdict.PASS, f"step {step} comes before its defect shows"
        outcome = judge_step(cast, wanted)
    assert outcome.fingerprint is not None, "the mutant survived"
    assert f"{outcome.fingerprint.expectation} | - | idle" in header(patch, "fingerprint")


def test_a_fingerprint_leads_to_one_hint() -> None:
    hints: dict[tuple[str, str], str] = {}
    for patch in WRONG:
        (step,), (hint,) = header(patch, "step"), header(patch, "hint")
        for fingerprint in header(patch, "fingerprint"):
            assert hints.setdefault((step, fingerprint), hint) == hint, patch


def test_a_scene_ends_when_its_program_has_returned_though_people_go_on_asking(tmp_path: Path) -> None:
    with Cast(own=patched(tmp_path, FOLDER / "wrong/first_only.patch"), given=FOLDER / "given") as cast:
        trace = sim.play(SCENES["questions"], cast, seed=1).trace
    assert trace.ended == "nothing more could happen"
    assert [len(trace.at_port(what, "machine")) for what in ("offered", "delivered")] == [3, 1]


@pytest.fixture(scope="module")
def cast_of_the_reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    own = submission(tmp_path_factory.mktemp("own"), "reference")
    with Cast(own=own, given=FOLDER / "given") as cast:
        yield cast


def answers(trace: Trace) -> list[PortEvent]:
    return trace.at_port("delivered", "machine")


@pytest.mark.parametrize("patch", HELD, ids=lambda path: path.stem)
def test_the_proof_of_a_diagnosis_is_where_it_differs_from_a_right_program(
    tmp_path: Path, cast_of_the_reference: Cast, patch: Path
) -> None:
    (scene,), (defect,) = header(patch, "scene"), header(patch, "defect")
    assert defect in questions.DEFECTS
    with Cast(own=patched(tmp_path, patch), given=FOLDER / "given") as cast:
        theirs = answers(sim.play(SCENES[scene], cast, seed=7).trace)
    right = {
        (event.at, event.payload) for event in answers(sim.play(SCENES[scene], cast_of_the_reference, seed=7).trace)
    }
    wrong = [f"machine:delivered:{event.number}" for event in theirs if (event.at, event.payload) not in right]
    assert wrong == header(patch, "frame")


@pytest.mark.parametrize("predict", [questions.predict_1, questions.predict_5])
def test_each_student_has_answers_of_their_own(
    cast_of_the_reference: Cast, predict: Callable[..., list[questions.Question]]
) -> None:
    def answered(key: str) -> tuple[object, ...]:
        asked = predict(key, lambda scene: sim.play(scene, cast_of_the_reference, seed=1).trace)
        truths = [question.truth() for question in asked]
        assert all(question.accepts(truth) for question, truth in zip(asked, truths, strict=True))
        return tuple(truths)

    keys = [f"student {number}" for number in range(6)]
    assert len({answered(key) for key in keys}) >= 5
    assert answered(keys[0]) == answered(keys[0])


def test_the_handout_tells_minutes_and_points_as_they_are() -> None:
    handout = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert sum(step.minutes for step in LAB.steps) == LAB.core_minutes
    for step in LAB.steps:
        assert row(step) in handout


def row(step: Step) -> str:
    return f"| {step.id} | {step.title} | {step.kind} | {step.minutes} | {step.points} |"
