"""The mutants of a lab as a table: what is wrong with each, which check catches it, by which faults, and its hint.

It is what an author looks at: whether each mistake is caught where it should be, by as little as possible, and whether
the hint that a student would get is true of it. Most are caught by a unit script first, for these come first in a
step; what a student's process says of itself is weak evidence, so the first check of frames that fails stands beside.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from labs.course import Course, Lab
from labs.grading.examination import CheckResult, Examination, StepResult
from labs.grading.hints import hint_for
from labs.grading.reference import Patch, lay_out, read_patches
from labs.story.calls import is_script
from labs.story.escape import plain
from labs.testbed.judge import Verdict
from labs.testbed.shrink import Shrunk, schedule_of

NO_FAULT = "no fault needed"
SAME = "the same"
NOT_SEEN = "seen by the script alone"
_HEADINGS = ("Mutant", "Step", "What is wrong", "Caught by", "On the wire", "Faults", "Hint")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One mutant: `wrong` is what its author says of it, `on_the_wire` the first check of frames that it fails.

    `faults` are the fewest under which that check fails, in words.
    """

    name: str
    step: str
    wrong: str
    caught_by: str
    on_the_wire: str
    faults: str
    hint: str


def show(
    course: Course, lab: Lab, *, on: str | None = None, told: Callable[[int, int], None] = lambda done, total: None
) -> list[Shown]:
    """Have each mutant of `lab` caught by its step. Raises `CourseError` for a patch that no longer applies."""
    patches = read_patches(lab.folder / "wrong")
    shown = []
    for number, patch in enumerate(patches, 1):
        with tempfile.TemporaryDirectory(prefix="downstack-show-") as folder:
            own = lay_out(course, lab, Path(folder))
            patch.apply(own)
            shown.append(_caught(lab, patch, own, on))
        told(number, len(patches))
    return shown


def _caught(lab: Lab, patch: Patch, own: Path, on: str | None) -> Shown:
    with Examination(lab=lab, submission=own, on=on) as examination:
        result = examination.step(lab.step(patch.one("step")))
        is_caught = result.verdict is Verdict.FAIL and result.deciding is not None
        seen = _seen_on_the_wire(examination, result) if is_caught else None
        shrunk = None if seen is None else examination.shrink(seen, lambda runs, left: None)
    return Shown(
        name=patch.name,
        step=result.step.id,
        wrong=what_is_wrong(patch),
        caught_by=result.deciding.check.sentence if is_caught and result.deciding else f"nothing: {result.verdict}",
        on_the_wire=NOT_SEEN if seen is None else SAME if seen is result.deciding else seen.check.sentence,
        faults="" if seen is None else _faults(seen, shrunk),
        hint=hint_for(lab, result, own, 0) if is_caught else "",
    )


def _seen_on_the_wire(examination: Examination, result: StepResult) -> CheckResult | None:
    """The first check of frames that fails, from the deciding one on."""
    if result.deciding is None or not is_script(result.deciding.outcome):
        return result.deciding
    later = map(examination.check, result.not_reached)
    return next((each for each in later if each.verdict is Verdict.FAIL and not is_script(each.outcome)), None)


def what_is_wrong(patch: Patch) -> str:
    """What the author says in the header of a patch, beside what it declares."""
    lines = patch.file.read_text(encoding="utf-8").splitlines()
    header = [line.removeprefix("#").strip() for line in lines if line.startswith("#")]
    return " ".join(line for line in header if tuple(line.split(": ", 1)) not in patch.declared)


def _faults(seen: CheckResult, shrunk: Shrunk | None) -> str:
    if shrunk is not None and shrunk.schedule:
        return ", ".join(map(str, shrunk.schedule))
    if seen.outcome is not None and shrunk is None and schedule_of(seen.outcome):
        return f"by chance under seed {seen.outcome.seed:x}"
    return NO_FAULT


def as_text(shown: Sequence[Shown]) -> str:
    """A paragraph for each mutant."""
    return "\n\n".join(
        f"{each.name} (step {each.step}): {each.wrong}\n"
        f"    caught by:   {each.caught_by}\n    on the wire: {each.on_the_wire}\n"
        f"    faults:      {each.faults}\n    hint:        {each.hint}"
        for each in shown
    )


def as_markdown(lab: Lab, shown: Sequence[Shown]) -> str:
    """A section with a table."""
    return "\n".join([f"## Lab {lab.number}: {lab.title}", "", *_rows(shown)])


def _rows(shown: Sequence[Shown]) -> Iterator[str]:
    yield f"| {' | '.join(_HEADINGS)} |"
    yield f"|{' --- |' * len(_HEADINGS)}"
    for each in shown:
        faults = each.faults if each.faults in ("", NO_FAULT) else f"`{each.faults}`"
        cells = (f"`{each.name}`", each.step, each.wrong, each.caught_by, each.on_the_wire, faults, each.hint)
        yield f"| {' | '.join(map(in_cell, cells))} |"


def in_cell(text: str) -> str:
    """Text as a cell of a Markdown table holds it."""
    return plain(text).replace("\\\\", "\\").replace("|", "\\|")
