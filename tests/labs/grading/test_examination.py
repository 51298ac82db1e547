"""A submission examined: verdicts, reasons, and the story that a failure tells."""

from pathlib import Path

import pytest

from labs.course import Course, CourseError, Lab
from labs.grading.checks import Check, find_checks
from labs.grading.examination import Examination, StepResult
from labs.grading.hints import hint_for, known_mistakes, write_hints
from labs.grading.reference import read_patches
from labs.story import narrate
from labs.testbed.judge import Fingerprint, Judge, Verdict


def examine(lab: Lab, submission: Path, *steps: str, **how: object) -> list[StepResult]:
    with Examination(lab=lab, submission=submission, on="sim", **how) as examination:  # type: ignore[arg-type]
        return list(examination.steps([lab.step(step) for step in steps]))


def test_checks_are_found_with_their_marks(lab: Lab) -> None:
    checks = {check.name: check for check in find_checks(lab)}
    assert [check.step for check in checks.values()] == ["1", "1", "2", "2", "5"]
    assert checks["test_asked_again"].seeds_on("sim") == 2
    assert checks["test_answered"].hint == "Count the questions on the wire."
    assert checks["test_real"].testbeds == ("mininet",)
    assert checks["test_capitals"].sentence == "An answer is the question in capitals."


def test_the_reference_passes_and_a_step_on_another_testbed_is_not_run(lab: Lab, right: Path) -> None:
    first, second, fifth = examine(lab, right, "1", "2", "5")
    assert (first.verdict, first.score, second.score) == (Verdict.PASS, 30, 40)
    assert (fifth.verdict, fifth.score) == (Verdict.NOT_RUN, 0)
    assert fifth.why == "it is judged on mininet, not on sim"
    assert narrate.total([first, second, fifth]) == "70 of 70 points (graded here: 70 of 80)"


def test_a_mutant_fails_with_its_fingerprint_and_its_story(lab: Lab, right: Path) -> None:
    patch = next(patch for patch in read_patches(lab.folder / "wrong") if patch.name == "once")
    patch.apply(right)
    (result,) = examine(lab, right, "2")
    deciding = result.deciding
    assert deciding is not None
    assert deciding.outcome is not None
    assert deciding.outcome.fingerprint == Fingerprint("2", "again", "question", True)
    hint = hint_for(lab, result, right, 0)
    told = narrate.explain(result, lab, right, hint=hint, replay=narrate.command_to_replay(lab, deciding))
    assert told.splitlines()[:2] == [
        "    passed       A question is answered.",
        "    failed       A lost question is asked again.",
    ]
    assert "held   a question was lost" in told
    assert "BROKEN it is asked twice" in told
    assert "asked 1 times" in told
    assert "not reached:\n        and answered once" in told
    assert "hint: Nobody asks twice here." in told
    assert f"./lab replay 90 --step 2 --check test_asked_again --seed {deciding.outcome.seed:x}" in told


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (None, "there is no file echo.py in the submission"),
        ("", "has no attribute 'answer'"),
        ("def answer(:", "SyntaxError"),
        ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
        ("def answer(question):\n    return 1 / 0", 'File "echo.py", line 2, in answer'),
        ("def answer(question):\n    return '\\x1b[2J'", r"\x1b[2J"),
        ("def answer(question):\n    while True: pass", "without ever waiting"),
        ("import os\nos._exit(3)", "exited with 3"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_in_the_students_own_lines(
    lab: Lab, right: Path, source: str | None, says: str
) -> None:
    if source is None:
        (right / "echo.py").unlink()
    else:
        (right / "echo.py").write_text(source)
    (result,) = examine(lab, right, "1")
    told = narrate.explain(result, lab, right)
    assert result.verdict is Verdict.FAIL
    assert says in told
    assert "\x1b" not in told
    assert str(right) not in told, "no path of ours"
    assert "labs/" not in told, "no line of ours"


@pytest.mark.parametrize("source", [None, ""])
def test_the_handout_says_what_is_missing(lab: Lab, right: Path, source: str | None) -> None:
    (right / "echo.py").unlink() if source is None else (right / "echo.py").write_text(source)
    (result,) = examine(lab, right, "1")
    told = narrate.explain(result, lab, right)
    assert "the handout says:\n        Write `echo.py`. Its function `answer(question)` returns" in told


def test_a_file_that_is_a_link_is_refused(lab: Lab, right: Path) -> None:
    (right / "echo.py").unlink()
    (right / "echo.py").symlink_to("/etc/passwd")
    (result,) = examine(lab, right, "1")
    assert (result.verdict, result.why) == (Verdict.FAIL, "echo.py is a symbolic link; hand in the file itself")


def test_a_program_that_kills_its_parent_costs_its_own_points_only(lab: Lab, right: Path) -> None:
    (right / "echo.py").write_text("import os\nos.kill(os.getppid(), 9)\ndef answer(question): return question")
    first, second = examine(lab, right, "1", "2")
    assert first.verdict is Verdict.FAIL
    assert second.verdict is Verdict.FAIL


def check(function: object) -> Check:
    return Check(
        name="test_made_up",
        step="1",
        function=function,  # type: ignore[arg-type]
        sentence="made up",
        testbeds=("sim",),
        seeds=None,
        exact=False,
        hint="",
        file=Path(__file__),
    )


def test_what_never_bites_is_inconclusive_in_words(lab: Lab, right: Path) -> None:
    def idle(judge: Judge) -> None:
        judge.bites("the moon fell down", False)

    with Examination(lab=lab, submission=right) as examination:
        result = examination.check(check(idle))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "under 7 seeds it never came to this: the moon fell down" in result.reason
    assert "not the student's fault" in result.reason


def test_a_check_that_fails_itself_is_no_fault_of_the_student(lab: Lab, right: Path) -> None:
    def broken(judge: Judge) -> None:
        judge.story[5]

    with Examination(lab=lab, submission=right) as examination:
        result = examination.check(check(broken))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "the check itself failed (IndexError: list index out of range, test_examination.py:" in result.reason


def test_hidden_seeds_differ_from_the_visible_ones(lab: Lab, right: Path) -> None:
    seeds: dict[str, list[int]] = {"visible": [], "secret": []}
    for key, drawn in seeds.items():
        with Examination(lab=lab, submission=right, key=key) as examination:
            examination.check(check(lambda judge, drawn=drawn: drawn.append(judge.seed)))
    assert len(set(seeds["visible"])) == 3
    assert not set(seeds["visible"]) & set(seeds["secret"])


@pytest.mark.parametrize(
    ("failures", "hint"),
    [
        (0, "Read the question again."),
        (1, "Read the question again."),
        (2, "An answer is the question in capitals."),
        (4, "See bytes.upper."),
        (40, "See bytes.upper."),
    ],
)
def test_hints_climb_a_ladder(lab: Lab, failures: int, hint: str, right: Path) -> None:
    (right / "echo.py").unlink()
    (result,) = examine(lab, right, "1")
    assert hint_for(lab, result, right, failures) == f"in general: {hint}"


def test_a_program_that_had_to_be_stopped_earns_no_general_hint(lab: Lab, right: Path) -> None:
    (right / "echo.py").write_text("def answer(question):\n    while True: pass\n")
    (result,) = examine(lab, right, "1")
    assert hint_for(lab, result, right, 0) == ""


def test_a_file_as_it_was_given_makes_nobodys_mistake(lab: Lab, right: Path) -> None:
    given = (lab.folder / "starter" / "echo.py").read_text()
    hints = []
    for source in (given, given + "# mine\n"):
        (right / "echo.py").write_text(source)
        (result,) = examine(lab, right, "1")
        hints.append(hint_for(lab, result, right, 0))
    assert hints == ["in general: Read the question again.", "Shout."]


def test_an_edition_without_mutants_gives_the_same_hints(course: Course, lab: Lab, tmp_path: Path) -> None:
    known = known_mistakes(lab)
    assert known["2", "again | question | bit"] == "Nobody asks twice here."
    write_hints(lab, tmp_path / "hints.toml")
    (lab.folder / "hints.toml").write_bytes((tmp_path / "hints.toml").read_bytes())
    try:
        assert known_mistakes(lab) == known
    finally:
        (lab.folder / "hints.toml").unlink()


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def test_x(judge): pass", "names no step"),
        (
            "import pytest\n@pytest.mark.step(1)\ndef test_x(judge, tmp_path): pass",
            "must take `judge` and nothing else",
        ),
        ("import pytest\n@pytest.mark.step(9)\ndef test_x(judge): pass", "has no step '9'"),
        ("import pytest\n@pytest.mark.step(1)\n@pytest.mark.testbeds('moon')\ndef test_x(judge): pass", "'moon'"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_broken_check_is_the_labs_fault(lab: Lab, source: str, says: str, request: pytest.FixtureRequest) -> None:
    file = lab.folder / "checks" / f"test_step9_{abs(hash(source))}.py"
    file.write_text(source)
    request.addfinalizer(file.unlink)
    with pytest.raises(CourseError, match=says):
        find_checks(lab)
