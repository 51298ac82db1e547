"""A student's edition works without the answers, and does not show them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labs.course import CHECKOUT, CourseError, Kind, Lab, open_course
from labs.grading.edition import Released, release
from labs.grading.examination import Examination
from labs.grading.proof import _write_answers
from labs.grading.reference import copy_files, lay_out

pytestmark = pytest.mark.skipif(
    not all(lab.has_reference for lab in open_course(CHECKOUT / "labs").labs()), reason="this is a student's edition"
)


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Released]:
    target = tmp_path_factory.mktemp("an edition") / "down stack"
    return target, release(open_course(CHECKOUT / "labs"), target)


@pytest.fixture
def zero() -> Lab:
    return open_course(CHECKOUT / "labs").lab("0")


def lab_in(edition: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(edition), "DOWNSTACK_HOME": str(home)}
    environment.pop("DOWNSTACK_LABS", None)
    command = [sys.executable, "-m", "labs", *arguments]
    return subprocess.run(
        command, cwd=edition, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_no_answer_is_left_to_be_read(edition: tuple[Path, Released]) -> None:
    folder, released = edition
    assert not [file for file in released.left_out if (folder / file).exists()]
    left = [
        path for name in ("right", "wrong", "held", "reference", "tests") for path in folder.glob(f"labs/*/{name}/*")
    ]
    assert {path.relative_to(folder).as_posix() for path in left} <= set(released.sealed)
    known = list(open_course(CHECKOUT / "labs").labs())
    answers = {source for lab in known for source in (*lab.hidden, *lab.reference.values())}
    assert set(released.sealed) < answers
    for file in released.sealed:
        assert "def " not in (folder / file).read_text()


def test_nothing_else_is_missing(edition: tuple[Path, Released]) -> None:
    folder, _ = edition
    for name in ("lab", "README.md", "labs/course.toml", "labs/lab01_wire/README.md", "labs/lab01_wire/hints.toml"):
        assert (folder / name).is_file()
    assert os.access(folder / "lab", os.X_OK)


def test_a_student_works_with_it(edition: tuple[Path, Released], tmp_path: Path) -> None:
    folder, _ = edition
    assert lab_in(folder, tmp_path, "start", "1").returncode == 0
    checked = lab_in(folder, tmp_path, "check", "1", "--step", "1")
    assert (checked.returncode, checked.stderr) == (1, "")
    assert "hint: " in checked.stdout
    proved = lab_in(folder, tmp_path, "prove", "1")
    assert "a student's edition has nothing to prove with" in proved.stderr


@pytest.mark.parametrize("command", ["demo", "lecture", "test"])
def test_what_needs_more_than_a_student_has_says_so_at_once(
    edition: tuple[Path, Released], tmp_path: Path, command: str
) -> None:
    refused = lab_in(edition[0], tmp_path, command)
    assert (refused.returncode, refused.stdout) == (64, "")
    assert "not in this student's edition" in refused.stderr
    assert len(refused.stderr.splitlines()) == 2


def test_a_notebook_there_shows_a_line_and_no_traceback(edition: tuple[Path, Released], tmp_path: Path) -> None:
    cell = """
from labs.story.notebook import Lecture, NotHere
try:
    Lecture("1")
except NotHere as error:
    print(*error._render_traceback_())
"""
    environment = {**os.environ, "PYTHONPATH": str(edition[0])}
    done = subprocess.run(
        [sys.executable, "-c", cell], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.startswith("a lecture plays the course's own answers")
    assert len(done.stdout.splitlines()) == 1


def test_predictions_and_diagnoses_are_judged_in_it(edition: tuple[Path, Released], zero: Lab, tmp_path: Path) -> None:
    folder, _ = edition
    own = tmp_path / "own"
    copy_files(lay_out(open_course(CHECKOUT / "labs"), zero, tmp_path / "right"), own)
    with Examination(lab=zero, submission=own) as examination:
        _write_answers(examination, "random-somebody")
    steps = [word for step in zero.steps if step.kind is not Kind.BUILD for word in ("--step", step.id)]
    judged = lab_in(folder, tmp_path, "check", "0", *steps, "--submission", str(own))
    assert (judged.returncode, judged.stdout.splitlines()[-1]) == (0, "30 of 30 points")


def test_predictions_there_are_judged_by_our_programs_not_by_the_students(
    edition: tuple[Path, Released], tmp_path: Path
) -> None:
    """A starter that routes nothing, and right answers to what routers do."""
    course = open_course(CHECKOUT / "labs")
    route, own = course.lab("2"), tmp_path / "own"
    with Examination(lab=route, submission=lay_out(course, route, tmp_path / "right")) as examination:
        _write_answers(examination, "random-somebody")
    copy_files(tmp_path / "right", own)
    copy_files(route.folder / "starter", own)
    judged = lab_in(edition[0], tmp_path, "check", "2", "--step", "5", "--submission", str(own))
    assert judged.stdout.endswith("8 of 8 points\n"), judged.stdout + judged.stderr


def test_an_edition_is_made_in_a_new_folder_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "something").write_text("")
    with pytest.raises(CourseError, match="is there already"):
        release(open_course(CHECKOUT / "labs"), tmp_path)
    with pytest.raises(CourseError, match="inside the course"):
        release(open_course(CHECKOUT / "labs"), CHECKOUT / "edition")
