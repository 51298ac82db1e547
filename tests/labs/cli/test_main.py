"""The command line: what is said when all is well, and what when it is not."""

import importlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from labs.cli import exit as ending
from labs.cli import main as command_line
from labs.cli import terminal

CLI = Path(command_line.__file__).parent


def modules() -> list[str]:
    return sorted(path.stem for path in CLI.glob("*.py") if "\nSUMMARY = " in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", modules())
def test_a_command_is_listed_with_its_own_summary(name: str) -> None:
    module = importlib.import_module(f"labs.cli.{name}")
    assert command_line.commands()[name.rstrip("_").replace("_", "-")] == module.SUMMARY
    assert len(module.SUMMARY) <= 68, "the overview has 80 columns"


@pytest.mark.parametrize("name", modules())
def test_a_command_has_a_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main([name.rstrip("_").replace("_", "-"), "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: ./lab {name.rstrip('_').replace('_', '-')} ")


def test_what_the_script_does_has_a_help_too(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["clean", "--help"], ["help", "clean"]):
        assert command_line.main(words) == ending.PASSED
        assert capsys.readouterr().out.startswith("usage: ./lab clean\n\nremove ")


def test_questions_stand_beside_check(capsys: pytest.CaptureFixture[str]) -> None:
    command_line.main([])
    named = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert named[named.index("check") + 1] == "questions"


def test_a_seed_that_is_none_is_told_what_one_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(["replay", "1", "--step", "1", "--seed", "zz"])
    assert ended.value.code == ending.USAGE
    assert "'zz' is no seed: that is a hexadecimal number" in capsys.readouterr().err


def test_alone_it_gives_an_overview_of_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main([]) == ending.PASSED
    shown = capsys.readouterr().out
    assert all(name in shown for name in command_line.commands())
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(("typed", "meant"), [("tset", "test"), ("docter", "doctor"), ("clena", "clean")])
def test_a_mistyped_command_gets_the_nearest_names(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main([typed]) == ending.USAGE
    said = capsys.readouterr().err
    assert f"no command '{typed}'" in said
    assert meant in said.splitlines()[1]


def test_a_hostile_command_name_does_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["\x1b[2J\x07"]) == ending.USAGE
    assert "\x1b" not in capsys.readouterr().err


def test_wrong_options_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(["doctor", "--jsno"])
    assert ended.value.code == ending.USAGE
    assert "--jsno" in capsys.readouterr().err


def test_a_refusal_is_a_message_and_its_cure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(arguments: object) -> int:
        raise ending.Refusal("there is no lab 77", cure="./lab list tells which there are", code=ending.FAILED)

    monkeypatch.setattr(command_line, "_dispatch", refuse)
    assert command_line.main(["start", "77"]) == ending.FAILED
    assert capsys.readouterr().err == "lab: there is no lab 77\n     ./lab list tells which there are\n"


def test_a_full_disk_is_a_message(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fill(arguments: object) -> int:
        with open("/dev/full", "w") as full:
            full.write("x")
        return 0

    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    monkeypatch.setattr(command_line, "_dispatch", fill)
    assert command_line.main(["report"]) == ending.FAILED
    assert "the disk is full" in capsys.readouterr().err


def test_ctrl_c_is_said_in_a_word(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(arguments: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "_dispatch", interrupt)
    assert command_line.main(["run", "1"]) == ending.INTERRUPTED
    assert capsys.readouterr().err == "lab: interrupted\n"


def test_a_reader_that_leaves_early_is_no_error() -> None:
    script = f'"{sys.executable}" -m labs --help | true; exit 0'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=20)
    assert done.stderr == ""


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", rb"\u2192"), ("utf-8", "→".encode())])
def test_an_old_encoding_garbles_a_sign_and_ends_nothing(encoding: str, shown: bytes) -> None:
    code = "import sys, labs.cli.main as m; m._dispatch = lambda _: print('\u2192') or 0; sys.exit(m.main(['x']))"
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, timeout=20)
    assert (done.returncode, done.stdout) == (0, shown + b"\n")


# What is shown.


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("plain, 流量 and é stay", "plain, 流量 and é stay"),
        ("a\tb", "a b"),
        ("two\nlines\r", r"two\nlines\r"),
        ("\x1b[31mred\x1b]0;title\x07", r"\x1b[31mred\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),  # the one-byte form of ESC [
        ("abc\u202ecba", r"abc\u202ecba"),  # right-to-left override
        ("zero\u200bwidth\u2028line", r"zero\u200bwidth\u2028line"),
        ("\udc80", r"\udc80"),
        (r"\x1b", r"\\x1b"),  # what the program typed is told apart from what we escaped
        (b"\xff\x00ok", r"\\xff\x00ok"),
    ],
)
def test_what_a_program_printed_is_shown_harmless(hostile: str | bytes, shown: str) -> None:
    assert terminal.escape(hostile) == shown


def test_what_is_long_is_cut_and_says_so() -> None:
    assert terminal.escape("x" * 5000, limit=3) == "xxx... (5000 characters)"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "stream", "coloured"),
    [
        ({}, Terminal(), True),
        ({"NO_COLOR": "1"}, Terminal(), False),
        ({"TERM": "dumb"}, Terminal(), False),
        ({}, io.StringIO(), False),
    ],
)
def test_colour_only_where_it_is_wanted(
    environment: dict[str, str], stream: io.StringIO, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in terminal.paint("passed", "green", stream=stream)) is coloured


def test_progress_is_silent_for_two_seconds_then_rewrites_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now)
    shown = Terminal()
    progress = terminal.Progress("grading", shown)
    progress.update(1, 9)
    assert shown.getvalue() == ""
    now = 102.5
    progress.update(3, 9)
    assert shown.getvalue() == "\r\x1b[Kgrading: 3 of 9, 2 s"
    progress.close()
    assert shown.getvalue().endswith("\r\x1b[K")
