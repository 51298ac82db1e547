"""`lab check`: a student's steps judged, one verdict at a time."""

import argparse
import json
import sys
from pathlib import Path

from labs import workspace
from labs.cli.chosen import (
    add_lab,
    add_submission,
    chosen_lab,
    chosen_steps,
    chosen_submission,
    core_steps,
    exit_code,
    refusing,
    require_groups,
    seed,
)
from labs.cli.terminal import Progress, paint, width
from labs.course import TESTBEDS, Lab
from labs.grading import reports
from labs.grading.examination import VISIBLE, CheckResult, Examination, StepResult
from labs.grading.hints import hint_for
from labs.grading.results import step_as_json
from labs.story import narrate, report
from labs.testbed.judge import Verdict
from labs.testbed.shrink import MOST_RUNS, Shrunk

SUMMARY = "judge your steps: what passes, what fails and why"

_COLOURS = {Verdict.PASS: "green", Verdict.FAIL: "red"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_lab(parser)
    parser.add_argument("--step", action="append", metavar="S", help="only this step (may be given several times)")
    parser.add_argument("--on", choices=TESTBEDS, help="only on this testbed")
    parser.add_argument("--seed", type=seed, metavar="HEX", help="under this seed instead of the usual ones")
    parser.add_argument("--json", action="store_true", help="the verdicts as JSON (docs/json.md)")
    add_submission(parser)


def run(args: argparse.Namespace) -> int:
    """Judge, print, remember; the student's folder is committed to its own repository."""
    _, lab = chosen_lab(args.lab)
    steps = chosen_steps(lab, args.step)
    submission = chosen_submission(lab, args.submission)
    require_groups(steps if args.step else core_steps(lab))  # an elective's only for whoever names it
    own = args.submission is None
    results: list[StepResult] = []
    told = _Told(lab, submission, own, at_length=bool(args.step), quiet=args.json)
    with (
        refusing(),
        Examination(
            lab=lab, submission=submission, on=args.on, seeds=_seeds(args.seed), told=told.tell_check
        ) as examination,
    ):
        try:
            results.extend(told.tell(each, examination) for each in examination.steps(steps))
        finally:
            if own and results:
                _remember(lab, submission, results)
    if args.json:
        steps_as_json = [step_as_json(each, narrate.explain(each, lab, submission)) for each in results]
        print(json.dumps({"lab": lab.number, "steps": steps_as_json}, indent=1))
    else:
        told.write_report()
        print(paint(narrate.total(results), "bold"))
    counted = [result for result in results if args.step or not result.step.elective]
    return exit_code([result.verdict for result in counted])


def _seeds(given: int | None) -> tuple[int, ...]:
    return () if given is None else (given,)


class _Told:
    """Prints results as they come: the first step that fails at length, a line for each of the others."""

    def __init__(self, lab: Lab, submission: Path, own: bool, *, at_length: bool, quiet: bool) -> None:
        self.lab, self.submission, self.own, self.quiet = lab, submission, own, quiet
        self.always = at_length
        self.failed = False
        self.chapters: list[report.Chapter] = []
        self.told_where = False  # the report lies
        self.progress = workspace.Progress.load()

    def tell_check(self, result: CheckResult) -> None:
        """Each verdict at once, for a step may take seconds; on a terminal, in a line that the next one replaces."""
        if self.quiet:
            return
        line = f"step {result.check.step:<3} {result.verdict}: {result.check.sentence}"
        if sys.stdout.isatty():
            print(f"\r\x1b[K{line[: width() - 1]}", end="", flush=True)
        else:
            print(f"  {line}", flush=True)

    def tell(self, result: StepResult, examination: Examination) -> StepResult:
        if self.quiet:
            return result
        if sys.stdout.isatty():
            print("\r\x1b[K", end="")
        print(paint(narrate.headline(result), _COLOURS.get(result.verdict, "yellow")), flush=True)
        brief = result.verdict is Verdict.FAIL and self.failed and not self.always
        self.failed = self.failed or result.verdict is Verdict.FAIL
        if result.verdict is Verdict.PASS or brief:
            self.chapters += reports.chapters_of(result.results)
        else:
            print(self._at_length(result, _shrunk(examination, result)), flush=True)
        if brief:
            print(f"    ./lab check {self.lab.number} --step {result.step.id}  tells why", flush=True)
        return result

    def _at_length(self, result: StepResult, shrunk: Shrunk | None) -> str:
        deciding = result.deciding
        elsewhere = None if self.own else self.submission
        hint = hint_for(self.lab, result, self.submission, self.progress.failures(self.lab, result.step.id))
        replay = narrate.command_to_replay(self.lab, deciding, elsewhere, shrunk) if deciding else ""
        self.chapters += reports.chapters_of(result.results, hint=hint, replay=replay, shrunk=shrunk)
        path = reports.write_chapters(self.lab, self.chapters) if deciding and deciding.outcome else None
        self.told_where = self.told_where or path is not None
        return narrate.explain(result, self.lab, self.submission, hint=hint, replay=replay, report=path, shrunk=shrunk)

    def write_report(self) -> None:
        """All that was judged, in one report."""
        if self.chapters:
            path = reports.write_chapters(self.lab, self.chapters)
            if not self.told_where:
                print(f"report: {path}")


def _shrunk(examination: Examination, result: StepResult) -> Shrunk | None:
    """The fewest faults that break the deciding check, searched for a few seconds."""
    if result.deciding is None:
        return None
    progress = Progress("looking for the fewest faults")
    shrunk = examination.shrink(result.deciding, lambda runs, left: progress.update(runs, MOST_RUNS))
    progress.close()
    return shrunk


def _remember(lab: Lab, submission: Path, results: list[StepResult]) -> None:
    """Commit the folder, and note in the progress file what each step came to."""
    words = ", ".join(f"{each.step.id} {each.verdict}" for each in results)
    commit = workspace.commit(submission, f"Checked: {words}")
    progress = workspace.Progress.load()
    for each in results:
        if each.verdict in (Verdict.PASS, Verdict.FAIL):
            passed = each.verdict is Verdict.PASS
            progress.record(lab, each.step.id, passed=passed, key=VISIBLE, commit=commit)
    progress.save()
