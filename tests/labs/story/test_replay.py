"""A replay command, pasted into a shell, hands `lab` exactly what was meant."""

import argparse
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labs.cli import replay
from labs.cli.main import Parser
from labs.story.replay import replay_command
from netstack.wire import Fault

SHELLS = [shell for shell in ("sh", "bash", "dash", "zsh", "busybox") if shutil.which(shell)]
STUB = '#!/bin/sh\nfor word in "$@"; do printf "%s\\0" "$word"; done > heard\n'
SCHEDULE = (
    "drop b-a:ack:2",
    "duplicate a-b:*:1",
    "hold a-b.2:window-update:7-9:300ms",
    "flip a-b:data:3:17",
    "cut a-b:2s-5.5s",
)

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=30)
faults = st.sampled_from(SCHEDULE).map(Fault.parse)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which ./lab writes down the words that it was given."""
    folder = tmp_path_factory.mktemp("a folder with 'spaces'")
    stub = folder / "lab"
    stub.write_text(STUB, encoding="ascii")
    stub.chmod(0o755)
    return folder


def heard(shell: str, command: str, place: Path) -> list[str]:
    words = ["busybox", "sh"] if shell == "busybox" else [shell]
    done = subprocess.run([*words, "-c", command], cwd=place, timeout=20, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    return (place / "heard").read_bytes().decode().split("\0")[:-1]


def understood(words: list[str]) -> argparse.Namespace:
    assert words[0] == "replay"
    parser = Parser(prog="lab replay")
    replay.configure(parser)
    return parser.parse_args(words[1:])


@pytest.mark.parametrize("shell", SHELLS)
def test_every_kind_of_fault_arrives_through_every_shell(shell: str, place: Path) -> None:
    schedule = tuple(map(Fault.parse, SCHEDULE))
    command = replay_command("3", "2", "test_lost", 0x8F31, schedule=schedule, testbed="mininet")
    assert command.startswith("./lab replay 3 --step 2 --check test_lost --seed 8f31 --drop b-a:ack:2 --duplicate ")
    assert "\n" not in command
    args = understood(heard(shell, command, place))
    told = [
        f"{name} {target}" for name in ("drop", "duplicate", "hold", "flip", "cut") for target in getattr(args, name)
    ]
    assert tuple(map(Fault.parse, told)) == schedule
    assert (args.lab, args.step, args.check, args.seed, args.on) == ("3", "2", "test_lost", 0x8F31, "mininet")


@settings(deadline=None, max_examples=40)
@given(texts, texts, st.integers(0, 2**64 - 1), st.one_of(st.none(), st.lists(faults, max_size=3)))
def test_no_name_breaks_out_of_its_word(
    place: Path, check: str, folder: str, seed: int, schedule: list[Fault] | None
) -> None:
    submission = Path(folder)
    command = replay_command("1", "4b", check, seed, schedule=schedule, submission=submission)
    args = understood(heard("sh", command, place))
    assert (args.check, args.submission, args.seed) == (check, submission, seed)
    assert args.no_faults == (schedule == [])


@pytest.mark.parametrize(
    "name", ["$(touch owned)", "`touch owned`", "a; touch owned", "--drop", "-x", "a\nb", "'", '"', "~", "*", "!!", "#"]
)
def test_a_hostile_name_is_only_a_name(name: str, place: Path) -> None:
    args = understood(heard("sh", replay_command("1", "1", name, 1, submission=Path(name)), place))
    assert (args.check, str(args.submission)) == (name, name)
    assert not (place / "owned").exists()
