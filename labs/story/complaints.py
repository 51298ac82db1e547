"""What Python itself complains of while programs run: the warnings and tracebacks among the lines that they print.

The commonest mistake with trio is a forgotten `await`. The call is then prepared and never done; nothing is raised, and
only a warning tells.
"""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from labs.testbed.judge import Outcome

_WARNING = re.compile(r"^(?P<file>\S.*):(?P<line>\d+): (?P<text>\w*Warning: .*)$")
_TRACEBACK = re.compile(r"^[\s+|]*Traceback \(most recent call last\):|^[\s+|]*Exception Group Traceback")
_FORGOTTEN = re.compile(r"(?P<place>\S+\.py:\d+): RuntimeWarning: coroutine '(?:.*\.)?(?P<name>\w+)' was never awaited")


def printed(outcome: Outcome) -> str:
    """What programs printed in the play that decided a check."""
    return "\n".join(outcome.played[-1].output.values()) if outcome.played else ""


def complaints(output: str) -> list[str]:
    """The lines of `output` that are warnings and tracebacks, with their source lines; files by their bare names."""
    return list(_complaints(output.splitlines()))


def _complaints(lines: list[str]) -> Iterator[str]:
    within = ""
    for line in lines:
        if found := _WARNING.match(line):
            within = "warning"
            yield f"{Path(found['file']).name}:{found['line']}: {found['text']}"
        elif _TRACEBACK.match(line):
            within = "traceback"
            yield line
        elif within and line[:1].isspace():
            yield line
        else:
            if within == "traceback":  # its last line says what was raised
                yield line
            within = ""


def forgotten_await(output: str) -> str:
    """A hint where a warning in `output` says that a call was never awaited, else ""."""
    for line, source in itertools.pairwise([*complaints(output), ""]):
        if found := _FORGOTTEN.match(line):
            call, name = source.strip(), found["name"]
            if f"{name}(" not in call:  # where the warning came up is not where the call stands
                return f"`await` is missing before a call of `{name}`: without it the call is prepared, and never done."
            return (
                f"you forgot `await` at {found['place']}, `{call}`: without it the call of `{name}` is prepared, "
                "and never done."
            )
    return ""
