"""Packages that only some commands need: installed from their lock file when first needed, after asking.

A student's install stays small. Each group is a `[dependency-groups]` entry of pyproject.toml with a lock file; a stamp
in the virtual environment holds the hash of the lock file that was installed last.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labs.cli.exit import FAILED, Refusal
from labs.cli.terminal import escape

ROOT = Path(__file__).resolve().parents[2]  # the checkout
LAST = 5  # lines of pip's that are shown when it failed
PURPOSE = {
    "dev": "the tools that test the course (ruff, mypy, import-linter, hypothesis)",
    "notebooks": "Jupyter, for the lectures (about 200 MB)",
    "bench": "the peers that the benchmarks measure",
    "explore": "Hypothesis, which draws schedules of faults",
    "mesh": "what the services of labs 5 to 12 talk with (httptools, h2, dnspython, kazoo)",
    "privacy": "the package `cryptography`, for the elective step of lab 1",
}


def require_group(name: str, *, ask: bool = True) -> None:
    """Make sure that the group's packages are installed.

    Asks first on a terminal; goes ahead unasked with CI or DOWNSTACK_YES=1 in the environment, or with `ask=False`, for
    a command that says by its name that it needs them. Raises `Refusal` where the answer is no, or pip fails.
    """
    lock = ROOT / "lock" / f"{name}.txt"
    if not lock.exists():
        raise Refusal(f"the group '{name}' has no lock file at {lock}", cure="run ./lab in a clone of the course")
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = Path(sys.prefix, f"group-{name}-stamp")
    if _installed(stamp, wanted):
        return
    if sys.prefix == sys.base_prefix:
        raise Refusal("this Python is not in a virtual environment", cure="use ./lab, which makes one")
    if ask and not _agreed(name):
        raise Refusal(f"this needs {PURPOSE[name]}", cure="agree when asked, or set DOWNSTACK_YES=1")
    with _only_one(lock):
        if not _installed(stamp, wanted):  # else: the one we waited for did it
            print(f"lab: installing {PURPOSE[name]}", file=sys.stderr)
            _install(lock)
            stamp.write_text(wanted, encoding="ascii")


def _installed(stamp: Path, wanted: str) -> bool:
    return stamp.exists() and stamp.read_text(encoding="ascii") == wanted


def _agreed(name: str) -> bool:
    if os.environ.get("CI") or os.environ.get("DOWNSTACK_YES") == "1":
        return True
    if not sys.stdin.isatty():
        return False
    print(f"This needs {PURPOSE[name]}. Install into {sys.prefix}? [Y/n] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"", "y", "yes"}


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    with lock.open("rb") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("lab: another command is installing the same; waiting for it", file=sys.stderr)
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _install(lock: Path) -> None:
    log = Path(sys.prefix, "setup.log")  # where `./lab` has logged the set-up too
    pip = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input")
    with log.open("ab") as told:
        begins = told.tell()
        done = subprocess.run(
            [*pip, "--require-hashes", "-r", str(lock)],
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        last = log.read_bytes()[begins:].decode("utf-8", "replace").splitlines()[-LAST:]
        print(*map(escape, last), sep="\n", file=sys.stderr)
        raise Refusal(
            f"pip could not install the packages of {lock.name} (the whole log: {log})",
            cure="this needs the network and a writable .venv; run the same command again when they are there",
            code=FAILED,
        )
