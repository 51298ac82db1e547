"""`lab explore`: a search for faults that break your programs, beyond the seeds that `lab check` tries."""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from labs.cli.chosen import (
    add_lab,
    add_submission,
    chosen_lab,
    chosen_steps,
    chosen_submission,
    refusing,
    require_groups,
    seed,
)
from labs.cli.exit import FAILED, PASSED, Refusal
from labs.cli.groups import require_group
from labs.cli.terminal import Progress, paint
from labs.course import Course, Kind, Lab
from labs.grading import reports
from labs.grading.checks import Check
from labs.grading.examination import VISIBLE, CheckResult, Examination, StepResult
from labs.grading.reference import lay_out
from labs.story import narrate
from labs.story.replay import replay_command
from labs.testbed.judge import derive_seeds
from labs.testbed.shrink import schedule_of, shrink_failure

if TYPE_CHECKING:
    from labs.testbed.explore import Search

SUMMARY = "search for faults that break your programs, beyond the seeds"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_lab(parser)
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S", help="how long to search in all (60)")
    parser.add_argument("--step", action="append", metavar="S", help="only this step (may be given several times)")
    parser.add_argument("--check", metavar="NAME", help="only this check")
    parser.add_argument(
        "--seed", type=seed, metavar="HEX", help="where the search begins; the same seed, the same search"
    )
    add_submission(parser)


def run(args: argparse.Namespace) -> int:
    """Search check after check, each for its share of the time; stop at the first schedule that breaks one."""
    require_group("explore")
    course, lab = chosen_lab(args.lab)
    submission = chosen_submission(lab, args.submission)
    if args.step:  # who asks for a step by its name wants what it needs
        require_groups(chosen_steps(lab, args.step))
    with (
        refusing(),
        Examination(lab=lab, submission=submission) as examination,
        _right_answer(course, lab) as right,
    ):
        searches = list(_searches(examination, right, args))
        if not searches:
            raise Refusal("no check of these plays a scene in which chance acts", cure=f"./lab check {lab.number}")
        until = time.monotonic() + args.seconds
        for place, (check, search) in enumerate(searches):
            share = (until - time.monotonic()) / (len(searches) - place)
            if result := _search(check, search, share):
                return _tell(examination, args.submission, result)
    return PASSED


@contextmanager
def _right_answer(course: Course, lab: Lab) -> Iterator[Examination | None]:
    """The reference, to see whether a schedule is fair; None in an edition without it."""
    if not lab.has_reference:
        yield None
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="downstack-reference-")))
        yield stack.enter_context(Examination(lab=lab, submission=lay_out(course, lab, folder)))


def _searches(
    examination: Examination, right: Examination | None, args: argparse.Namespace
) -> "Iterator[tuple[Check, Search]]":
    """The checks in whose scenes chance acts, each with the search for it."""
    from labs.testbed.explore import Search  # needs Hypothesis, installed by now

    for step in chosen_steps(examination.lab, args.step):
        if step.kind is not Kind.BUILD or examination.missing(step) or step.lacks:
            continue
        for check in examination.of(step):
            if args.check not in (None, check.name) or "sim" not in check.testbeds:
                continue
            drawn = derive_seeds(VISIBLE, examination.lab.number, check.name, 1)
            search = Search(
                check=check.function,
                perform=examination.play_scripted,
                right=right.play_scripted if right is not None else None,
                seed=drawn[0] if args.seed is None else args.seed,
            )
            if search.prepare():
                yield check, search


def _search(check: Check, search: "Search", seconds: float) -> CheckResult | None:
    progress = Progress(f"schedules tried on {check.name}")
    outcome = search.run(until=time.monotonic() + seconds, progress=progress.update)
    progress.close()
    if outcome is None:
        print(f"{check.name}: {search.tried} schedules, none broke it", flush=True)
        return None
    print(paint(f"{check.name}: broken by schedule {search.tried}", "red"), flush=True)
    return CheckResult(check=check, verdict=outcome.verdict, testbed="sim", outcome=outcome)


def _tell(examination: Examination, submission: Path | None, result: CheckResult) -> int:
    """Shrink what was found, and tell it as a failed check is told."""
    lab, check, outcome = examination.lab, result.check, result.outcome
    assert outcome is not None, "it was found by playing"
    shrunk = shrink_failure(check.function, examination.play_scripted, outcome)
    schedule = schedule_of(outcome) if shrunk is None else shrunk.schedule
    replay = replay_command(lab.number, check.step, check.name, outcome.seed, schedule=schedule, submission=submission)
    report = reports.write(lab, [result], replay=replay, shrunk=shrunk)
    whole = StepResult(step=lab.step(check.step), results=(result,))
    print(narrate.explain(whole, lab, examination.submission, replay=replay, report=report, shrunk=shrunk))
    return FAILED
