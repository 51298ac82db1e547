"""The proof of a lab holds for a sound lab, and for no other."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from labs.course import Lab, read_lab
from labs.grading import proof
from labs.grading.proof import Claim, Finding, Terms, broken_judges, claims, examine
from labs.testbed.judge import Verdict

TERMS = Terms(seeds=2, on="sim")


@pytest.fixture
def changed(lab: Lab) -> Callable[[str, str, str], Finding]:
    """Changes a file of the lab, examines a claim, and puts the file back."""
    undo: list[tuple[Path, str]] = []

    def change(file: str, was: str, becomes: str, claim: Claim) -> Finding:
        path = lab.folder / file
        text = path.read_text()
        assert was in text
        undo.append((path, text))
        path.write_text(text.replace(was, becomes, 1))
        return examine(lab, claim, TERMS)

    yield change  # type: ignore[misc]
    for path, text in undo:
        path.write_text(text)


def test_a_sound_lab_is_proved(lab: Lab) -> None:
    findings = proof.prove(lab, TERMS, jobs=2)
    assert [finding.claim for finding in findings] == claims(lab)
    assert {finding.claim.what for finding in findings} == {"hidden", "reference", "right", "starter", "wrong", "case"}
    assert [finding.says for finding in findings if finding.verdict is not Verdict.PASS] == []
    assert proof.total(findings) is Verdict.PASS


def test_broken_judges_are_found_out(lab: Lab) -> None:
    assert [(each.claim.name, each.verdict) for each in broken_judges(lab, TERMS)] == [
        ("accepts everything", Verdict.PASS),
        ("rejects everything", Verdict.PASS),
    ]


def test_a_judge_that_judges_nothing_fails_the_proof(lab: Lab) -> None:
    accepting = proof.prove(lab, Terms(seeds=2, on="sim", judging=proof.accept))
    assert {each.claim.what for each in accepting if each.verdict is Verdict.FAIL} == {"starter", "wrong"}
    rejecting = proof.prove(lab, Terms(seeds=2, on="sim", judging=proof.reject))
    assert {each.claim.what for each in rejecting if each.verdict is Verdict.FAIL} == {"reference", "right", "wrong"}


@pytest.mark.parametrize(
    ("file", "was", "becomes", "claim", "says"),
    [
        ("wrong/once.patch", "# step: 2", "# step: 1", Claim(what="wrong", name="once", step="1"), "is not caught"),
        (
            "wrong/quiet.patch",
            "# step: 1",
            "# step: 2",
            Claim(what="wrong", name="quiet", step="2"),
            "was to fail step 2",
        ),
        (
            "wrong/once.patch",
            "| bit",
            "| idle",
            Claim(what="wrong", name="once"),
            "# fingerprint: again | question | bit",
        ),
        ("wrong/once.patch", "# hint: ", "# note: ", Claim(what="wrong", name="once"), "declares 'hint' 0 times"),
        ("wrong/once.patch", "while True", "while 1", Claim(what="wrong", name="once"), "no longer applies"),
        ("held/silent.patch", "999", "9", Claim(what="case", name="silent"), "stale"),
        ("held/silent.patch", "question:1\n", "question:4\n", Claim(what="case", name="silent"), "stale"),
        ("held/silent.patch", "scene: lossy", "scene: none", Claim(what="case", name="silent"), "the scene 'none'"),
        ("right/patient/asker.py", "[15:]", "[16:]", Claim(what="right", name="patient"), "the answer is delivered"),
        ("starter/asker.py", "async def main", "async def mian", Claim(what="starter"), "does not run"),
        ("starter/echo.py", "return question", "return question.upper()", Claim(what="starter"), "earns step 1"),
    ],
)
def test_what_is_wrong_with_a_lab_is_found(
    changed: Callable[[str, str, str, Claim], Finding], file: str, was: str, becomes: str, claim: Claim, says: str
) -> None:
    finding = changed(file, was, becomes, claim)
    assert finding.verdict is Verdict.FAIL
    assert says in finding.says


def test_files_that_give_answers_away_must_be_named(lab: Lab, tmp_path: Path) -> None:
    other = tmp_path / "lab91_wire"
    shutil.copytree(lab.folder, other)
    text = (other / "lab.toml").read_text()
    (other / "lab.toml").write_text(
        text.replace("tests/labs/grading/course/lab90_echo/reference/echo.py", "netstack/wire.py")
    )
    shutil.copyfile(lab.folder.parent / "course.toml", tmp_path / "course.toml")
    finding = examine(read_lab(other), Claim(what="hidden"), TERMS)
    assert finding.verdict is Verdict.FAIL
    assert "hidden = ['netstack/" in finding.says


def test_a_step_that_does_without_a_file_is_not_played_again_for_mutants_of_it(lab: Lab) -> None:
    with proof.Workshop(lab, TERMS) as shop:
        assert shop.is_passed_without(lab.step("1"), frozenset({"asker.py"}))
        assert not shop.is_passed_without(lab.step("1"), frozenset({"echo.py"}))
        assert not shop.is_passed_without(lab.step("2"), frozenset({"asker.py"}))
