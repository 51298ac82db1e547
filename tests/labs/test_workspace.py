"""A student's folders: made in one stroke, never written over, and remembered."""

import json
import subprocess
from pathlib import Path

import pytest

from labs import workspace
from labs.course import Lab, open_course
from labs.workspace import Carried, Progress, WorkspaceError

TOYS = Path(__file__).parent / "grading" / "course"


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lab:
    monkeypatch.setenv("DOWNSTACK_HOME", str(tmp_path / "my work"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))  # as a git hook of the student's would set it
    return open_course(TOYS).lab("echo")


def git(folder: Path, *arguments: str) -> str:
    command = ["git", f"--git-dir={folder}/.git", f"--work-tree={folder}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()


def test_a_folder_begins_with_the_starter_in_a_repository_of_its_own(lab: Lab) -> None:
    folder = workspace.begin(lab, [Carried("earlier.py", b"x = 1\n", "yours")], 'key = "k"\n')
    assert folder == workspace.home() / "lab90"
    assert {path.name for path in folder.iterdir()} == {
        ".git",
        ".gitignore",
        "answers.toml",
        "asker.py",
        "carried.sha256",
        "earlier.py",
        "echo.py",
    }
    assert git(folder, "log", "--format=%an <%ae> %s") == "downstack <downstack@localhost> Lab 90 as it was given"
    assert git(folder, "status", "--porcelain") == ""


def test_work_is_never_written_over(lab: Lab) -> None:
    folder = workspace.begin(lab, [])
    (folder / "echo.py").write_text("my work")
    with pytest.raises(WorkspaceError, match="is there already") as caught:
        workspace.begin(lab, [])
    assert "--again" in caught.value.cure
    assert (folder / "echo.py").read_text() == "my work"


def test_beginning_again_keeps_every_earlier_folder(lab: Lab) -> None:
    kept = []
    for number in range(3):
        folder = workspace.begin(lab, [])
        (folder / "echo.py").write_text(f"try {number}")
        aside = workspace.set_aside(lab)
        assert aside is not None
        kept.append(aside)
    assert [(folder / "echo.py").read_text() for folder in kept] == ["try 0", "try 1", "try 2"]
    assert workspace.set_aside(lab) is None


def test_a_start_that_fails_leaves_nothing(lab: Lab) -> None:
    with pytest.raises(OSError, match="no/such"):
        workspace.begin(lab, [Carried("no/such/folder.py", b"", "yours")])
    assert list(workspace.home().iterdir()) == []


def test_the_version_that_passed_is_carried_not_the_one_edited_since(lab: Lab) -> None:
    folder = workspace.begin(lab, [])
    (folder / "echo.py").write_text("passed")
    progress = Progress.load()
    progress.record(lab, "1", passed=True, key="visible", commit=workspace.commit(folder, "Checked"))
    progress.save()
    (folder / "echo.py").write_text("edited")
    (carried,) = workspace.carried_from(lab, ["echo.py"], Progress.load())
    assert (carried.name, carried.content) == ("echo.py", b"passed")


def test_what_is_carried_can_be_told_from_what_was_changed_since(lab: Lab) -> None:
    folder = workspace.begin(lab, [Carried("window.py", b"passed", "yours"), Carried("credit.py", b"too", "yours")])
    command = ["sha256sum", "--check", "--quiet", "carried.sha256"]
    assert subprocess.run(command, cwd=folder, check=False, timeout=10).returncode == 0
    (folder / "credit.py").write_text("changed")
    assert subprocess.run(command, cwd=folder, check=False, timeout=10, capture_output=True).returncode == 1


def test_what_has_not_passed_is_not_carried(lab: Lab) -> None:
    workspace.begin(lab, [])
    with pytest.raises(WorkspaceError, match="has not passed") as caught:
        list(workspace.carried_from(lab, ["echo.py"], Progress.load()))
    assert "--given" in caught.value.cure
    (ours,) = workspace.given_from(lab, ["echo.py"])
    assert b"upper" in ours.content


def test_progress_counts_failures_until_a_pass(lab: Lab) -> None:
    progress = Progress.load()
    for passed in (False, False, True, False):
        progress.record(lab, "1", passed=passed, key="visible", commit="c0ffee")
    progress.save()
    again = Progress.load()
    assert (again.passed(lab), again.failures(lab, "1"), again.commit_of(lab, "1")) == ({"1"}, 1, "c0ffee")


def test_an_unreadable_progress_file_is_put_aside(lab: Lab) -> None:
    path = workspace.home() / ".downstack" / "progress.json"
    path.parent.mkdir(parents=True)
    path.write_text("{half")
    assert Progress.load().passed(lab) == set()
    (kept,) = path.parent.glob("progress-unreadable-*.json")
    assert kept.read_text() == "{half"


def test_writing_atomically_keeps_the_old_file_when_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    workspace.write_atomically(path, "whole")
    with pytest.raises(UnicodeEncodeError):
        workspace.write_atomically(path, "half \ud800")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_is_made_once_and_stays(lab: Lab) -> None:
    key = workspace.student_key()
    assert key.startswith("random-")
    assert workspace.student_key() == key
    with pytest.raises(WorkspaceError, match="already"):
        workspace.student_key("alice")


def test_a_key_may_be_a_name(lab: Lab) -> None:
    assert workspace.student_key("alice@example.org") == "alice@example.org"
    assert workspace.student_key() == "alice@example.org"


@pytest.mark.parametrize("name", ["a b", "../x", "x" * 65, 'a"', "é"])
def test_a_name_that_cannot_be_a_key_is_refused(lab: Lab, name: str) -> None:
    with pytest.raises(WorkspaceError, match="cannot be a key"):
        workspace.student_key(name)


def test_answers_are_asked_for_in_a_file_to_fill_in(lab: Lab) -> None:
    text = workspace.answers_template(lab, "k", {"3": {"q1": "How\nmany?"}})
    assert text.splitlines()[1:] == ['key = "k"', "", "[step3]", "# How", "# many?", 'q1 = ""']
    assert json.loads('"k"') == "k"
