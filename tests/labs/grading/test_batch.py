"""A batch: every submission gets a result, whatever it is and whatever it does."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from labs.course import CHECKOUT, Course, Lab, Step
from labs.grading import batch
from labs.grading.batch import Terms, grade, submissions_in
from labs.grading.examination import Examination, StepResult
from labs.grading.intake import Refused, take_in
from labs.grading.reference import lay_out
from labs.grading.results import NOT_YET, Record, Result
from labs.testbed.judge import Verdict
from labs.testbed.sandbox import Level

KEY = 'key = "{}"\n[step3]\nq1 = {}\n'


@pytest.fixture(scope="module")
def handed_in(course: Course, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class with every kind of student."""
    folder = tmp_path_factory.mktemp("handed in")
    for name in ("alice", "=cmd|' C calc'!A0", "red\x1b[31m", "links", "many"):
        lay_out(course, lab, folder / name)
    (folder / "nothing").mkdir()
    (folder / "pipe").mkdir()
    os.mkfifo(folder / "pipe" / "echo.py")
    (folder / "shortcut").symlink_to(folder / "alice")
    (folder / "links" / "echo.py").unlink()
    (folder / "links" / "echo.py").symlink_to(folder / "alice" / "echo.py")
    for number in range(300):
        (folder / "many" / f"extra{number:03}.py").write_text("")
    return folder


def test_every_submission_gets_a_result(lab: Lab, handed_in: Path, tmp_path: Path) -> None:
    submissions = submissions_in(handed_in, lab)
    results = grade(lab, submissions, Terms(jobs=2, out=tmp_path))
    by_name = {result.submission: result for result in results}
    first_two = {name: [record.score for record in result.records.values()][:2] for name, result in by_name.items()}
    assert first_two == {
        "alice": [30, 40],
        "=cmd|' C calc'!A0": [30, 40],
        r"red\x1b[31m": [30, 40],
        "links": [0, 0],
        "many": [30, 40],
        "nothing": [0, 0],
        "pipe": [0, 0],
        "shortcut": [0, 0],
    }
    assert by_name["shortcut"].records["1"].reason == "refused: it is a symbolic link; hand in the folder itself"
    assert by_name["links"].note == "echo.py is a symbolic link, and was left out"
    assert by_name["links"].records["1"].reason == "there is no file echo.py in the submission"
    assert by_name["pipe"].note == "echo.py is neither a file nor a folder, and was left out"
    assert "more than 200 files" in by_name["many"].note
    assert not any(record.reason == NOT_YET for result in results for record in result.records.values())
    _look_at_files(lab, tmp_path, len(results))


def _look_at_files(lab: Lab, out: Path, count: int) -> None:
    folders = [path for path in out.iterdir() if path.is_dir()]
    assert len(folders) == count
    for folder in folders:
        assert folder.name.isprintable()
        found = json.loads((folder / "results.json").read_text())
        assert [test["number"] for test in found["tests"]] == ["1", "2", "3", "4", "5"]
        assert sum(test["max_score"] for test in found["tests"]) == 100
        assert ElementTree.parse(folder / "junit.xml").getroot().get("tests") == "5"
    rows = list(csv.reader(io.StringIO((out / f"{lab.folder.name}.csv").read_text())))
    assert len(rows) == count + 1
    assert not any(cell.startswith(("=", "+", "-", "@")) or "\x1b" in cell for row in rows for cell in row)


def test_one_submission_is_told_from_a_folder_of_them(lab: Lab, handed_in: Path, tmp_path: Path) -> None:
    assert submissions_in(handed_in / "alice", lab) == [handed_in / "alice"]
    assert len(submissions_in(handed_in, lab)) == 8
    assert submissions_in(handed_in / "shortcut", lab) == [handed_in / "shortcut"]
    assert submissions_in(tmp_path, lab) == [tmp_path]


def test_a_submission_that_takes_too_long_keeps_what_it_has(
    lab: Lab, right: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never_ending(examination: Examination, step: Step) -> StepResult:
        if step.id == "2":
            time.sleep(1000)
        return StepResult(step=step, reason="so be it", fallback=Verdict.PASS)

    monkeypatch.setattr(Examination, "step", never_ending)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (result,) = grade(lab, [right], Terms(deadline=1.0, out=tmp_path))
    assert [record.verdict for record in result.records.values()] == [
        Verdict.PASS,
        Verdict.FAIL,
        *[Verdict.NOT_RUN] * 3,
    ]
    assert {record.reason for record in result.records.values()} == {"so be it", "it took longer than 1 s"}
    assert "it took longer" in (tmp_path / "right" / "results.json").read_text()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_grader_that_is_killed_leaves_a_result(
    lab: Lab, right: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*arguments: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(batch, "take_in", die)
    (result,) = grade(lab, [right], Terms(out=tmp_path))
    assert {record.reason for record in result.records.values()} == {
        "the grader's process for it was killed by SIGKILL"
    }
    assert json.loads((tmp_path / "right" / "results.json").read_text())["tests"][0]["score"] == 0


def test_ctrl_c_keeps_what_was_done(course: Course, lab: Lab, right: Path, tmp_path: Path) -> None:
    submissions = tmp_path / "class"
    lay_out(course, lab, submissions / "a")
    lay_out(course, lab, submissions / "b")
    (submissions / "b" / "echo.py").write_text("while True: pass")
    command = [sys.executable, "-m", "labs", "grade", "90", str(submissions), "--out", str(tmp_path / "out")]
    environment = os.environ | {"DOWNSTACK_LABS": str(course.folder), "PYTHONPATH": str(CHECKOUT)}
    with subprocess.Popen(
        [*command, "--level", "0", "--jobs", "1"],
        env=environment,
        text=True,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        done = tmp_path / "out" / "a" / "results.json"
        until = time.monotonic() + 60
        while not (done.exists() and '"score": 40' in done.read_text()) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said.splitlines()[-1]) == (130, "lab: interrupted")
    assert "the grader was stopped" in (tmp_path / "out" / "b" / "results.json").read_text()
    assert '"score": 40' in done.read_text()


# Keys.


def result_of(lab: Lab, submission: str) -> Result:
    result = Result(lab=lab, submission=submission, level=Level.NONE)
    for step in lab.steps:
        result.put(replace(Record.open(step), verdict=Verdict.PASS, score=step.points, reason=""))
    return result


@pytest.mark.parametrize(
    ("key", "folders", "scores", "says"),
    [
        ("random-1", ["alice"], [100], ""),
        ("random-1", ["alice", "bob"], [80, 80], "its key, which makes the questions, is also that of bob"),
        ("alice", ["alice"], [100], ""),
        ("alice", ["Smith, Alice_1234"], [100], ""),
        ("alice", ["bob"], [80], "answers the questions of alice, who is not named by this folder"),
    ],
)
def test_answers_to_anothers_questions_earn_nothing(
    lab: Lab, key: str, folders: list[str], scores: list[int], says: str
) -> None:
    results = [result_of(lab, folder) for folder in folders]
    batch._examine_key(key, results)
    assert [result.score for result in results] == scores
    assert says in results[0].records["3"].reason


# Taking in.


def test_what_is_taken_in_is_a_folder_of_ordinary_files(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "package" / "__pycache__").mkdir(parents=True)
    (source / "package" / "mine.py").write_text("x = 1")
    (source / "package" / "__pycache__" / "mine.pyc").write_bytes(b"\0")
    (source / "bad\nname.py").write_text("")
    (source / "big.bin").write_bytes(bytes(9 << 20))
    deep = source / "/".join("abcdefg")
    deep.mkdir(parents=True)
    (deep / "deep.py").write_text("")
    remarks = take_in(source, tmp_path / "target")
    assert [path.relative_to(tmp_path / "target").as_posix() for path in (tmp_path / "target").rglob("*.*")] == [
        "package/mine.py"
    ]
    assert [remark.split(" ")[0] for remark in remarks] == [r"bad\nname.py", "big.bin", "a/b/c/d/e/f"]


@pytest.mark.parametrize("name", ["no such folder", "a file"])
def test_what_is_no_folder_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    with pytest.raises(Refused):
        take_in(tmp_path / name, tmp_path / "target")
