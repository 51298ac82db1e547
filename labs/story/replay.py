"""The one command that repeats a run: printed under each failure, safe in any POSIX shell.

With a schedule it plays these faults and no others, without chance: the same failure with nothing in it that does not
matter. Without one it plays the check under its seed, as it was. On `sim` a replay is exact; on `mininet`, where time
is real, it is the same schedule and best effort.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

from netstack.wire import Fault

NO_FAULTS = "--no-faults"


def replay_command(
    lab: str,
    step: str,
    check: str,
    seed: int,
    *,
    schedule: Sequence[Fault] | None = None,
    testbed: str = "sim",
    submission: Path | None = None,
) -> str:
    """The command for `check` under `seed`; an empty `schedule` says that it fails without any fault."""
    words = ["./lab", "replay", lab, *_option("--step", step), *_option("--check", check), "--seed", f"{seed:x}"]
    if schedule is not None:
        words += [word for fault in schedule for word in _fault(fault)] or [NO_FAULTS]
    if testbed != "sim":
        words += ["--on", testbed]
    if submission is not None:
        words += _option("--submission", str(submission))
    return shlex.join(words)


def _fault(fault: Fault) -> list[str]:
    action, _, target = str(fault).partition(" ")
    return [f"--{action}", target]


def _option(name: str, value: str) -> list[str]:
    """An option and its value; in one word where the value could be taken for an option itself."""
    return [f"{name}={value}"] if value.startswith("-") else [name, value]
