"""The demo: anybody's first command, so it works everywhere, says what it does, and leaves nothing behind."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PARTS = 5

pytestmark = pytest.mark.slow  # real programs, and a real network in real time: some ten seconds


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    places = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "a cache"), "PYTHONPATH": str(ROOT)}
    return {**kept, **places, "LANG": "C.UTF-8", **more}


def demo(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "labs", "demo", *arguments],
        cwd=home,
        env=environment(home, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def shown(home: Path) -> Iterator[str]:
    done = demo(home, COLUMNS="80")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def test_all_parts_are_played_without_a_terminal(shown: str) -> None:
    for number in range(1, PARTS + 1):
        assert f"{number} of {PARTS}. " in shown
    assert "people hear: Herons: Ada, Edsger, Grace" in shown
    assert "with framing     17 came through whole, 0 came out wrong" in shown
    assert "FAIL" in shown
    assert "┼──0────1──" in shown
    assert shown.endswith("The first lab takes about 1.8 hours:  ./lab start 0\n")


def test_it_fits_eighty_columns_and_has_no_colour_in_a_pipe(shown: str) -> None:
    assert "\x1b" not in shown
    for line in shown.splitlines():
        assert len(line) <= 80 or line.lstrip().startswith(("again:", "/")), line


def test_the_mistake_can_be_played_again_with_the_command_it_prints(home: Path, shown: str) -> None:
    (command,) = re.findall(r"again: +\./lab (.+)", shown)
    done = subprocess.run(
        [sys.executable, "-m", "labs", *shlex.split(command)],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL" in done.stdout


def test_the_report_stays_and_needs_no_network(home: Path, shown: str) -> None:
    page = home / "a cache/downstack/demo/report.html"
    assert f"  {page}" in shown.splitlines()
    text = page.read_text(encoding="utf-8")
    assert "<svg" in text
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", text)


def test_an_old_terminal_gets_plain_signs(home: Path) -> None:
    done = demo(home, PYTHONIOENCODING="ascii", LANG="C", COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert "+--0----1--" in done.stdout


def test_an_interrupt_ends_it_and_leaves_nothing_running(home: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "labs", "demo"],
        env=environment(home, DEMO_OF=str(home)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    told = iter(process.stdout.readline, "")
    assert any(line.startswith(f"3 of {PARTS}.") for line in told)
    assert any("people ask" in line for line in told)  # the play on the network goes on, in other processes
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)  # until the last of them has let go of its output
    assert process.returncode == 130
    assert errors.strip() == "lab: interrupted"
    assert processes_with(f"DEMO_OF={home}") == []


def processes_with(variable: str) -> list[int]:
    """The processes of this machine that have this in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if variable.encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found
