"""A verdict told in words: what happened up to the wrong step, what was found, and how to see it again.

Plain text without colour, made safe to show: programs' output, their errors and their data are somebody else's text.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from labs.course import ANSWERS, Lab
from labs.grading.checks import Check
from labs.grading.examination import CheckResult, StepResult
from labs.grading.reports import fields_of
from labs.story.beside import compared
from labs.story.calls import is_prop, is_script
from labs.story.complaints import complaints, printed
from labs.story.replay import replay_command
from labs.story.rows import hanging, indented, last_rows, row, safe, wrapped
from labs.story.telling import Teller, designation
from labs.story.unreached import not_reached
from labs.testbed.judge import Broken, Outcome, Told, Verdict
from labs.testbed.shrink import Shrunk

MOST_STORY = 13  # rows of a story
MOST_ROWS = 3  # of one of its lines
MOST_NOT_REACHED = 3
CHECKS_NAMED = 3  # of those that passed, and of those that were not reached
MOST_QUOTED = 12  # lines of the handout
GO_ON = "There is nothing in it for you to mend. Go on with the next step, and show this to whoever runs the course."
CALL_BY_CALL = "(which tells each call, what came back, and what was expected)"
_MISSING = re.compile(r"(?:No module named '(\w+)'|has no attribute '(\w+)'|cannot import name '(\w+)')")
_NUMBER = re.compile(r"\d+")
_VERDICTS = {Verdict.FAIL: "failed"}
_SIGNS = {True: "held", False: "BROKEN", None: ""}


def headline(result: StepResult) -> str:
    """One line: the step, its title, and what it came to."""
    step = result.step
    points = f"{result.score} of {step.points}" if result.verdict is not Verdict.NOT_RUN else f"- of {step.points}"
    return f"step {step.id:<3} {step.title:<40} {result.verdict.upper():<13} {points}"


def explain(
    result: StepResult,
    lab: Lab,
    submission: Path,
    *,
    hint: str = "",
    replay: str = "",
    report: Path | None = None,
    shrunk: Shrunk | None = None,
) -> str:
    """Why the step did not pass, at length; "" when it did."""
    if result.verdict is Verdict.PASS:
        return ""
    parts = [*_about_checks(result)]
    deciding = result.deciding
    outcome = None if deciding is None else deciding.outcome
    if result.why:
        parts.append(wrapped(f"{result.why}."))
    if deciding is not None and outcome is not None:
        parts += _about_outcome(deciding.check, outcome, submission, lab)
    if quote := _from_the_handout(lab, _lacking(result)):
        parts.append(f"the handout says:\n{indented(quote)}")
    if shrunk is not None:
        parts.append(wrapped(f"{_about_shrinking(shrunk)}."))
    if hint and result.verdict is Verdict.FAIL:
        parts.append(wrapped(f"hint: {hint}"))
    if result.verdict is Verdict.INCONCLUSIVE:
        parts.append(wrapped(GO_ON))
    if replay:
        parts.append(f"again:  {replay}" + (f"\n{indented(CALL_BY_CALL)}" if is_script(outcome) else ""))
    if report is not None:
        parts.append(f"report: {report}")
    return indented("\n".join(parts))


def command_to_replay(
    lab: Lab, result: CheckResult, submission: Path | None = None, shrunk: Shrunk | None = None
) -> str:
    """The one command that plays a check's decisive run again; "" when there is nothing to play."""
    if result.outcome is None:
        return ""
    return replay_command(
        lab.number,
        result.check.step,
        result.check.name,
        result.outcome.seed,
        schedule=None if shrunk is None else shrunk.schedule,
        testbed=result.testbed,
        submission=submission,
    )


def _about_shrinking(shrunk: Shrunk) -> str:
    if not shrunk.schedule:
        return "the wire is not to blame: it breaks in the same way when no frame is lost, damaged or late"
    faults = ", ".join(map(str, shrunk.schedule))
    unfinished = "" if shrunk.finished else "; the search ran out of time, perhaps fewer would do"
    return f"the fewest faults that still break it ({len(shrunk.schedule)} of {shrunk.whole}): {faults}{unfinished}"


def _about_checks(result: StepResult) -> Iterator[str]:
    """A row for each check that passed or was not reached, or a row for many; in full, the one that did neither."""
    passed = [each.check.sentence for each in result.results if each.verdict is Verdict.PASS]
    yield from _in_rows("passed", passed)
    for each in result.results:
        if each.verdict is not Verdict.PASS:
            yield hanging(f"{_VERDICTS.get(each.verdict, each.verdict.value):<12} ", each.check.sentence)
    yield from _in_rows("not reached", [check.sentence for check in result.not_reached])


def _in_rows(label: str, sentences: list[str]) -> Iterator[str]:
    if len(sentences) > CHECKS_NAMED:
        yield f"{label:<12} {len(sentences)} checks"
        return
    for sentence in sentences:
        yield row(f"{label:<12} ", sentence)


def _about_outcome(check: Check, outcome: Outcome, submission: Path, lab: Lab) -> Iterator[str]:
    yield "the story so far:"
    yield indented("\n".join(_story(outcome)))
    if found := _found(outcome).replace(f"{submission.resolve()}/", "").replace(f"{submission}/", ""):
        yield f"found:\n{indented(last_rows(safe(found)))}"
    yield from _about_frame(outcome.broken, lab)
    if is_script(outcome) and outcome.broken is not None:
        if count := len(outcome.broken.not_reached):
            yield f"not reached: {count} more of these calls"
    elif rest := _folded(not_reached(check.function, outcome)):
        more = [f"... and {len(rest) - MOST_NOT_REACHED} more"] if len(rest) > MOST_NOT_REACHED else []
        yield "not reached:\n" + indented("\n".join([*(row("", line) for line in rest[:MOST_NOT_REACHED]), *more]))


def _story(outcome: Outcome) -> Iterator[str]:
    """What was played last, how much of the story is left out, and its last lines."""
    whole = [told for told in outcome.story if not is_prop(told)]
    lines = list(map(_told, whole))
    begin = _first_shown(lines)
    played = max((place for place, told in enumerate(whole) if told.held is None), default=0)
    if begin <= 2:
        begin = 0
    elif played < begin:
        yield lines[played]
        yield f"... {begin - played - 1} lines, all of which held"
    else:
        yield f"... {begin} lines before"
    yield from _folded(lines[begin:])


def _first_shown(lines: list[str]) -> int:
    """From which line on a story is shown: its last ones tell most."""
    rows = 0
    for place in reversed(range(len(lines))):
        rows += len(lines[place].splitlines())
        if rows > MOST_STORY:
            return place + 1
    return 0


def _told(told: Told) -> str:
    rows = hanging(f"{_SIGNS[told.held]:<6} ", told.text).splitlines()
    return "\n".join(rows if told.held is False or len(rows) <= MOST_ROWS else [*rows[: MOST_ROWS - 1], f"{'':<7}..."])


def _about_frame(broken: Broken | None, lab: Lab) -> Iterator[str]:
    """The frame that shows it, and the header fields in which it differs from the one expected."""
    if broken is None or broken.frame is None:
        return
    yield hanging(f"{designation(broken.frame)}:  ", Teller.of(lab).described(broken.frame.data))
    beside = compared(broken, fields_of(lab))
    if beside is not None:
        width = max(len(name) for name, _, _ in beside.rows)
        rows = "\n".join(f"{name:<{width}}  {here}, not {there}" for name, here, there in beside.rows)
        yield f"{beside.title}:\n{indented(last_rows(safe(rows)))}"


def _found(outcome: Outcome) -> str:
    """What was seen instead, and what Python complained of meanwhile."""
    if outcome.broken is None:
        return ""
    found = outcome.broken.found
    said = [] if "Its last output:" in found else complaints(printed(outcome))
    return "\n".join([*([found] if found else []), *(["Python says of your program:", *said] if said else [])])


def _folded(lines: list[str]) -> list[str]:
    """Three lines or more that differ in their numbers alone: the first, how many more, the last."""
    folded: list[str] = []
    for _, alike in itertools.groupby(lines, key=lambda line: _NUMBER.sub("0", line)):
        first, *more = alike
        folded.append(first)
        folded += [f"... {len(more) - 1} more like it", more[-1]] if len(more) > 1 else more
    return folded


def _lacking(result: StepResult) -> str:
    """The file or name that the submission lacks, if that is what broke it."""
    if result.verdict is Verdict.NOT_RUN:
        return ""
    if result.reason:
        return "" if result.step.deliverable == ANSWERS else result.step.deliverable
    broken = result.deciding.outcome.broken if result.deciding and result.deciding.outcome else None
    if broken is None or not (match := _MISSING.search(broken.found)):
        return ""
    return f"{match[1]}.py" if match[1] else (match[2] or match[3])


def _from_the_handout(lab: Lab, name: str) -> str:
    """The first paragraph of the lab's handout that speaks of `name`, as code."""
    handout = lab.folder / "README.md"
    if not name or not handout.is_file():
        return ""
    spoken_of = re.compile(
        rf"`[^`\n]*\b{re.escape(name)}\b[^`\n]*`|^\s*(?:class|def|async def) {re.escape(name)}\b", re.MULTILINE
    )
    prose = [
        paragraph.strip()
        for paragraph in re.split(r"\n\s*\n", handout.read_text(encoding="utf-8"))
        if spoken_of.search(paragraph) and not paragraph.lstrip().startswith("|")
    ]
    return "\n".join(wrapped(line) for line in prose[0].splitlines()[:MOST_QUOTED]) if prose else ""


def total(results: Sequence[StepResult]) -> str:
    """The sum in words: what was earned of what was judged here, and what was not judged."""
    core = [each for each in results if not each.step.elective]
    judged = [each for each in core if each.verdict is not Verdict.NOT_RUN]
    earned, possible = sum(each.score for each in judged), sum(each.step.points for each in judged)
    everything = sum(each.step.points for each in core)
    words = f"{earned} of {possible} points"
    if possible < everything:
        words += f" (graded here: {possible} of {everything})"
    if extra := sum(each.score for each in results if each.step.elective):
        words += f", and {extra} for electives"
    return words
