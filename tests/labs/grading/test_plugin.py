"""The pytest plugin, as an instructor runs it: `pytest --lab N --submission DIR`."""

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from xml.etree import ElementTree

import pytest

from labs.course import CHECKOUT, Course

INSTALLED = any(each.name == "downstack" for each in entry_points(group="pytest11"))


def graded(course: Course, submission: Path, *arguments: str, level: int = 0) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder that knows nothing of this project."""
    plugin = [] if INSTALLED else ["-p", "labs.grading.plugin"]
    command = [sys.executable, "-m", "pytest", *plugin, "-p", "no:cacheprovider", "--lab", "90"]
    command += ["--submission", str(submission), "--level", str(level), *arguments]
    environment = os.environ | {"DOWNSTACK_LABS": str(course.folder), "PYTHONPATH": str(CHECKOUT)}
    return subprocess.run(
        command, cwd=submission.parent, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_right_submission_is_graded_into_both_formats(course: Course, right: Path, tmp_path: Path) -> None:
    results, junit = tmp_path / "results.json", tmp_path / "junit.xml"
    done = graded(course, right, "--testbed", "sim", "--results", str(results), "--junitxml", str(junit))
    assert "lab 90: Echo; visible seeds; sandbox level 0" in done.stdout
    assert "2 failed, 4 passed, 1 skipped" in done.stdout, "two questions have no answers"
    found = json.loads(results.read_text())
    tests = {test["number"]: test for test in found["tests"]}
    assert [(test["score"], test["max_score"], test["status"]) for test in tests.values()] == [
        (30, 30, "passed"),
        (40, 40, "passed"),
        (0, 10, "failed"),
        (0, 10, "failed"),
        (0, 10, "failed"),
    ]
    assert tests["5"]["output"].startswith("not run\n")
    assert "it is judged on mininet, not on sim" in tests["5"]["output"]
    assert found["output"] == "Lab 90: 70 of 100; graded here: 90 of 100"
    assert found["extra_data"] | {"python": "", "downstack": ""} == {
        "downstack": "",
        "lab": "90",
        "python": "",
        "seeds": "visible",
        "sandbox": "0 (none)",
    }
    cases = ElementTree.parse(junit).getroot().iter("testcase")
    assert [case.get("name") for case in cases] == [
        "test_capitals",
        "test_answered_on_the_wire",
        "test_answered",
        "test_asked_again",
        "predict_3",
        "diagnose_4",
        "test_real",
    ]


def test_a_failure_is_told_as_a_story_without_a_traceback_of_ours(course: Course, right: Path) -> None:
    (right / "echo.py").write_text("def answer(question):\n    return question\n")
    done = graded(course, right, "--step", "1", "-rs")
    assert done.returncode == 1
    assert "fail: An answer is the question in capitals." in done.stdout
    assert "BROKEN echo.answer(b'who?'): it shouts" in done.stdout
    assert "not reached: an earlier check of this step did not pass" in done.stdout
    assert "Traceback" not in done.stdout
    assert "examination.py" not in done.stdout


def test_markers_select_checks(course: Course, right: Path) -> None:
    done = graded(course, right, "--collect-only", "-q", "-m", "kind and step")
    assert "7 tests collected" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--lab", "echoo"], "there is no lab 'echoo'\ndid you mean 90 (echo)?"),
        (["--step", "9"], "lab 90 has no step '9'"),
    ],
)
def test_wrong_usage_is_said_in_words(course: Course, right: Path, arguments: list[str], says: str) -> None:
    done = graded(course, right, *arguments)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_submission_that_is_a_link_gets_a_result(course: Course, right: Path, tmp_path: Path) -> None:
    link, results = tmp_path / "link", tmp_path / "results.json"
    link.symlink_to(right)
    done = graded(course, link, "--results", str(results))
    assert done.returncode == 1
    found = json.loads(results.read_text())
    assert {test["score"] for test in found["tests"]} == {0}
    assert "it is a symbolic link; hand in the folder itself" in found["tests"][0]["output"]


def test_without_lab_the_plugin_does_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(): pass\n")
    plugin = [] if INSTALLED else ["-p", "labs.grading.plugin"]
    command = [
        sys.executable,
        "-X",
        "importtime",
        "-m",
        "pytest",
        "-q",
        *plugin,
        "-p",
        "no:cacheprovider",
        str(tmp_path),
    ]
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert "1 passed" in done.stdout
    assert "labs.testbed" not in done.stderr, "it imports nothing that it does not need"
