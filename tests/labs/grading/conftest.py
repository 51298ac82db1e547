"""A small course of one lab, complete, on which the machinery of grading is tried out."""

import shutil
from pathlib import Path

import pytest

from labs.course import Course, Lab, open_course
from labs.grading.reference import lay_out

collect_ignore_glob = ["course/*"]

TEMPLATE = Path(__file__).parent / "course"


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The small course, in a folder of its own."""
    folder = tmp_path_factory.mktemp("course") / "labs"
    shutil.copytree(TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return open_course(folder)


@pytest.fixture(scope="session")
def lab(course: Course) -> Lab:
    """Its lab: `echo.py` answers questions, `asker.py` asks them until they are answered."""
    return course.lab("echo")


@pytest.fixture
def right(course: Course, lab: Lab, tmp_path: Path) -> Path:
    """A submission that holds the reference."""
    return lay_out(course, lab, tmp_path / "right")


@pytest.fixture
def in_course(course: Course, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Lets commands use the small course; returns the student's home folder."""
    home = tmp_path / "downstack"
    monkeypatch.setenv("DOWNSTACK_LABS", str(course.folder))
    monkeypatch.setenv("DOWNSTACK_HOME", str(home))
    return home
