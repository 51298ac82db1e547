"""Hints: the one that a known mistake has earned, or else, as a general one, the next rung of the step's ladder.

A failure has a fingerprint. When it is that of a mutant (`wrong/*.patch`), the mutant's hint fits, for somebody made
that mistake before. A student's edition has no mutants; its `hints.toml` holds their fingerprints and hints.
"""

import tomllib
from pathlib import Path

from labs.course import Lab, Step
from labs.grading.examination import StepResult
from labs.grading.reference import in_words, read_patches
from labs.story.complaints import forgotten_await, printed
from labs.testbed.judge import Outcome

HINTS = "hints.toml"
FAILURES_PER_RUNG = 2


def known_mistakes(lab: Lab) -> dict[tuple[str, str], str]:
    """The hint for each (step, fingerprint in words) that a mutant declares."""
    path = lab.folder / HINTS
    if path.is_file():
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return {(each["step"], each["fingerprint"]): each["hint"] for each in table.get("hint", [])}
    return {
        (patch.one("step"), fingerprint): patch.one("hint")
        for patch in read_patches(lab.folder / "wrong")
        for fingerprint in patch.all("fingerprint")
    }


def write_hints(lab: Lab, path: Path) -> None:
    """Write what the mutants declare as `hints.toml`, for a copy of the course without them."""
    lines = ["# Which failure earns which hint; made by `lab release`."]
    for (step, fingerprint), hint in known_mistakes(lab).items():
        lines += ["", "[[hint]]", *(f"{key} = {_quoted(value)}" for key, value in _pairs(step, fingerprint, hint))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _pairs(step: str, fingerprint: str, hint: str) -> tuple[tuple[str, str], ...]:
    return ("step", step), ("fingerprint", fingerprint), ("hint", hint)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def hint_for(lab: Lab, result: StepResult, submission: Path, failures: int) -> str:
    """The hint for a failure; `failures` counts those of this step before it, and raises the level.

    A file that is still as the lab gave it makes nobody's mistake, whatever its failure looks like.
    """
    step, deciding = result.step, result.deciding
    check = deciding.check if deciding else None
    fingerprint = deciding.outcome.fingerprint if deciding and deciding.outcome else None
    if _untouched(lab, step, submission):
        check = fingerprint = None
    if deciding and deciding.outcome and (forgotten := forgotten_await(printed(deciding.outcome))):
        return forgotten
    if fingerprint is not None and (hint := known_mistakes(lab).get((step.id, in_words(fingerprint)))):
        return hint
    if deciding and deciding.outcome and deciding.outcome.broken and deciding.outcome.broken.hint:
        return deciding.outcome.broken.hint
    if check is not None and check.hint:
        return check.hint
    if not step.hints or (deciding and deciding.outcome and _ended_early(deciding.outcome)):
        return ""
    return f"in general: {step.hints[min(failures // FAILURES_PER_RUNG, len(step.hints) - 1)]}"


def _ended_early(outcome: Outcome) -> bool:
    """Whether a traceback, or a program's end, already tells what is wrong."""
    broken = outcome.broken
    return broken is not None and (broken.identity.startswith("program:") or "\nTraceback" in broken.found)


def _untouched(lab: Lab, step: Step, submission: Path) -> bool:
    given, handed_in = (folder / step.deliverable for folder in (lab.folder / "starter", submission))
    return given.is_file() and handed_in.is_file() and given.read_bytes() == handed_in.read_bytes()
