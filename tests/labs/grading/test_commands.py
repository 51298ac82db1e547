"""What students and instructors type, from the first command to a graded result."""

import argparse
import json
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from labs import workspace
from labs.cli import exit as ending
from labs.cli.explore import _searches
from labs.cli.main import main
from labs.course import CHECKOUT, CourseError, Lab
from labs.grading.examination import Examination
from labs.grading.proof import _write_answers
from labs.grading.reference import copy_files


def lab_(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_students_way_through_a_lab(
    in_course: Path, lab: Lab, right: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = lab_(capsys, "start", "echo")
    folder = in_course / "lab90"
    assert (code, out.splitlines()[0]) == (ending.PASSED, str(folder))

    code, out, _ = lab_(capsys, "run", "90", "--on", "sim")
    assert code == ending.PASSED
    assert "a-b:question:1         question b'anyone?'" in out
    assert "3f 61  ..............?a" in out
    report = Path(out.partition("report: ")[2].splitlines()[0])
    assert b"a-b:question:1" in (report.parent / "capture-1.pcapng").read_bytes()
    assert 'href="capture-1.pcapng"' in report.read_text()

    code, out, _ = lab_(capsys, "check", "90", "--on", "sim")
    assert code == ending.FAILED
    assert "hint: in general: Read the question again." in out
    replay = next(line.partition("again:")[2].strip() for line in out.splitlines() if "again:" in line)
    assert Path(out.partition("report: ")[2].splitlines()[0]).is_file()

    code, out, _ = lab_(capsys, *shlex.split(replay)[1:])
    assert code == ending.FAILED
    assert "BROKEN echo.answer(b'who?'): it shouts" in out

    (folder / "echo.py").write_bytes((right / "echo.py").read_bytes())
    code, out, _ = lab_(capsys, "check", "90", "--on", "sim", "--step", "1")
    assert (code, out.splitlines()[-1]) == (ending.PASSED, "30 of 30 points")
    first, *_ = out.splitlines()
    assert first.startswith("  step 1   pass: ")  # each check at once, before its step is done
    assert workspace.Progress.load().passed(lab) == {"1"}

    code, out, err = lab_(capsys, "start", "90")
    assert (code, "--again" in err) == (ending.USAGE, True)
    assert (folder / "echo.py").read_bytes() == (right / "echo.py").read_bytes()


@pytest.mark.parametrize("begun", [False, True])
def test_a_start_that_fails_can_be_tried_again(
    in_course: Path, lab: Lab, begun: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = in_course / "lab90"
    if begun:
        lab_(capsys, "start", "90")
        (folder / "echo.py").write_text("my work")

    def none_left(*_: object) -> None:
        raise CourseError("there is no trace for you", cure="ask your instructor")

    with monkeypatch.context() as patched:
        patched.setattr("labs.grading.answers.case_for", none_left)
        code, _, err = lab_(capsys, "start", "90", *(["--again"] if begun else []))
        assert (code, "there is no trace for you" in err) == (ending.USAGE, True)
    assert [path.name for path in in_course.iterdir() if path.name != ".downstack"] == ["lab90"] * begun
    if begun:
        assert (folder / "echo.py").read_text() == "my work"
    else:
        assert lab_(capsys, "start", "90")[0] == ending.PASSED
        assert (folder / "step4.jsonl").is_file()


def test_exploring_passes_over_a_step_whose_packages_are_missing(
    lab: Lab, right: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    explore = pytest.importorskip("labs.testbed.explore", reason="Hypothesis is not installed")
    monkeypatch.setattr(explore.Search, "prepare", lambda search: True)  # this lab's scenes know no chance
    wanted = argparse.Namespace(step=["2"], check=None, seed=None)
    with Examination(lab=lab, submission=right) as examination:
        assert list(_searches(examination, None, wanted))
        needing = [replace(step, needs={"what_nobody_has": "privacy"}) for step in lab.steps]
        examination.lab = replace(lab, steps=tuple(needing))
        assert not list(_searches(examination, None, wanted))


def test_questions_are_answered_and_judged(
    in_course: Path, lab: Lab, right: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lab_(capsys, "start", "90")
    _, out, _ = lab_(capsys, "questions", "90")
    assert "questions are lost. How many are sent?" in out
    assert "impatient: it asks again too soon" in out
    _, out, _ = lab_(capsys, "questions", "90", "--trace")
    assert "a-b:question:2" in out

    folder = in_course / "lab90"
    code, out, _ = lab_(capsys, "check", "90", "--step", "3", "--step", "4")
    assert code == ending.FAILED
    assert "q1 is answered" in out
    copy_files(right, folder)
    with Examination(lab=lab, submission=folder) as examination:
        _write_answers(examination, workspace.student_key())
    code, out, _ = lab_(capsys, "check", "90", "--step", "3", "--step", "4")
    assert (code, out.splitlines()[-1]) == (ending.PASSED, "20 of 20 points")


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ("not toml", "answers.toml can be read"),
        ("[" * 50_000, "answers.toml can be read"),
        ("x = 1\n" + "#" * (1 << 17), "at most 64 KiB"),
        ("[step3]\nq1 = 4", "answers.toml names the student's key"),
        ('key = "k"\nstep3 = 4', "[step3] is a table"),
        ('key = "k"\n[step3]', "there is no line `q1 = …`"),
        ('key = "k"\n[step3]\nq1 = "\\u001b[2J"', r"q1 = '\x1b[2J'"),
        ('key = "k"\n[step3]\nq1 = true', "q1 = True"),
    ],
)
def test_answers_that_cannot_be_read_are_told(
    in_course: Path, right: Path, answers: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (right / "answers.toml").write_text(answers)
    code, out, err = lab_(capsys, "check", "90", "--step", "3", "--submission", str(right))
    assert (code, err) == (ending.FAILED, "")
    assert says in out
    assert "\x1b" not in out


def test_a_schedule_of_faults_is_played_instead_of_chance(
    in_course: Path, right: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["replay", "90", "--step", "2", "--check", "test_answered", "--seed", "1", "--submission", str(right)]
    code, out, _ = lab_(capsys, *words, "--drop", "a-b:question:1-3", "--hold", "b-a:answer:1:10ms")
    assert code == ending.PASSED
    assert out.count("[dropped]") == 3
    assert "[hold b-a:answer:1:10ms]" in out
    code, out, err = lab_(capsys, *words, "--drop", "nonsense")
    assert (code, "write faults as a replay command does" in err) == (ending.USAGE, True)


def test_a_replay_command_survives_any_shell(in_course: Path, right: Path, capsys: pytest.CaptureFixture[str]) -> None:
    awkward = right.with_name("it's $(touch pwned) `here` & there")
    right.rename(awkward)
    (awkward / "echo.py").write_text("def answer(q): return q")
    _, out, _ = lab_(capsys, "check", "90", "--step", "1", "--submission", str(awkward))
    command = out.partition("again:")[2].splitlines()[0].strip()
    told = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {command}"],
        capture_output=True,
        text=True,
        timeout=10,
        cwd=right.parent,
        check=True,
    )
    assert told.stdout.splitlines()[-1] == str(awkward)
    assert not (right.parent / "pwned").exists()


def test_the_list_is_the_same_in_words_and_in_json(in_course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = lab_(capsys, "list")
    assert code == ending.PASSED
    assert max(map(len, out.splitlines()[:3])) <= 80
    assert out.splitlines()[2].split() == ["91", "Nothing", "yet", "1", "–", "–", "to", "come"]
    _, out, _ = lab_(capsys, "list", "--json")
    first, second = json.loads(out)["labs"]
    assert (first["state"], first["steps"], first["points"]["sim"]) == ("ready", 5, 90)
    assert (second["state"], second["points"]) == ("to come", {})


def test_grading_and_its_json(in_course: Path, right: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = lab_(capsys, "grade", "90", str(right), "--level", "0", "--json")
    assert code == ending.FAILED
    (result,) = json.loads(out)
    assert (result["submission"], result["max_score"], result["versions"]["seeds"]) == ("right", 100, "visible")
    assert [step["score"] for step in result["steps"]][:2] == [30, 40]
    code, out, _ = lab_(capsys, "grade", "90", str(right), "--level", "0", "--key", "a secret of the course")
    assert "hidden seeds" in out
    assert "a secret" not in out
    assert "--seed" not in out


@pytest.mark.parametrize(
    ("words", "says", "cure"),
    [
        (["check", "77"], "there is no lab '77'", "./lab list"),
        (["check", "91"], "is still to come", "labs that are here: 90"),
        (["check", "90"], "you have not started lab 90", "./lab start 90"),
        (["check", "90", "--submission", "/no/such"], "is not a folder", "name the folder"),
        (["check", "90", "--step", "9", "--submission", "."], "has no step '9'", "1, 2, 3, 4, 5"),
        (["run", "90", "--scene", "x", "--submission", "."], "has no scene 'x'", "plain, lossy"),
        (["report", "90"], "has no report yet", "./lab check 90"),
        (["grade", "90", "/no/such"], "there is no /no/such", "name a submission"),
        (["release", str(CHECKOUT / "inside")], "lies inside the course", "elsewhere"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_cure(
    in_course: Path, words: list[str], says: str, cure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = lab_(capsys, *words)
    assert (code, out) == (ending.USAGE, "")
    assert says in err.splitlines()[0]
    assert cure in err.splitlines()[1]


def test_a_broken_lab_is_a_message(
    in_course: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lab90_echo").mkdir()
    (tmp_path / "lab90_echo" / "lab.toml").write_text("[lab]\ntitle = 7\n")
    (tmp_path / "course.toml").write_bytes((lab.folder.parent / "course.toml").read_bytes())
    monkeypatch.setenv("DOWNSTACK_LABS", str(tmp_path))
    code, _, err = lab_(capsys, "check", "90")
    assert code == ending.USAGE
    assert "lab.toml: [lab]: title is 7" in err
    assert 'write a text, as in title = "…"' in err


def keys_of(value: object) -> set[str]:
    match value:
        case dict():
            return set(value) | {key for each in value.values() for key in keys_of(each)}
        case list():
            return {key for each in value for key in keys_of(each)}
    return set()


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("lab list --json", ["list"]),
        ("lab check N --json", ["check", "90", "--step", "2", "--submission", "{right}"]),
        ("lab grade N PATH --json", ["grade", "90", "{right}", "--level", "0"]),
        ("lab prove N --json", ["prove", "90", "--on", "sim", "--seeds", "1"]),
    ],
)
def test_every_key_of_the_json_is_documented(
    in_course: Path, right: Path, title: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = lab_(capsys, *(word.format(right=right) for word in words), "--json")
    told = (CHECKOUT / "docs" / "json.md").read_text(encoding="utf-8")
    section = told.partition(f"## `{title}`")[2].partition("\n## ")[0]
    if "as in lab check" in section:
        section += told.partition("## `lab check N --json`")[2].partition("\n## ")[0]
    assert section
    assert {key for key in keys_of(json.loads(out)) if f'"{key}"' not in section} == set()
