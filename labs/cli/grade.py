"""`lab grade`: one submission, or a folder of them."""

import argparse
import json
import os
from pathlib import Path

from labs.cli.chosen import add_lab, at_least_one, chosen_lab, core_steps, exit_code, refusing, require_groups
from labs.cli.exit import Refusal
from labs.cli.terminal import escape, paint, progress, width
from labs.course import TESTBEDS, Lab
from labs.grading import batch
from labs.grading.examination import VISIBLE
from labs.grading.results import Result, seed_set
from labs.testbed import sandbox
from labs.testbed.judge import Verdict

SUMMARY = "grade a submission, or a folder of submissions"

_SIGNS = {Verdict.PASS: "+", Verdict.FAIL: "-", Verdict.INCONCLUSIVE: "?", Verdict.NOT_RUN: "."}


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_lab(parser)
    parser.add_argument(
        "path", type=Path, metavar="PATH", help="a submission, or a folder that holds one for each student"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="write results.json, junit.xml and one CSV here")
    parser.add_argument("--jobs", type=at_least_one, default=os.cpu_count() or 1, metavar="N", help="at a time")
    parser.add_argument("--key", default=VISIBLE, help="the course's key: seeds that no student knows")
    parser.add_argument("--deadline", type=float, default=batch.DEADLINE, metavar="S", help="seconds for a submission")
    parser.add_argument("--on", choices=TESTBEDS, help="only on this testbed: what needs another is not run")
    parser.add_argument("--level", type=int, choices=[0, 1, 2], help="the sandbox's level; the best that works here")
    parser.add_argument("--json", action="store_true", help="the results as JSON (docs/json.md)")


def run(args: argparse.Namespace) -> int:
    """Grade, print a table, and say how safe it was."""
    _, lab = chosen_lab(args.lab)
    if not args.path.exists() and not args.path.is_symlink():
        raise Refusal(f"there is no {escape(str(args.path))}", cure="name a submission, or a folder of them")
    submissions = batch.submissions_in(args.path, lab)
    require_groups(core_steps(lab))
    level, weakness = _level(args.level)
    terms = batch.Terms(key=args.key, on=args.on, level=level, jobs=args.jobs, deadline=args.deadline, out=args.out)
    done = 0

    def told(result: Result) -> None:
        nonlocal done
        done += 1
        progress(f"grading lab {lab.number}", done, len(submissions))

    progress(f"grading lab {lab.number}", 0, len(submissions))
    with refusing():
        results = batch.grade(lab, submissions, terms, told=told)
    if args.json:
        print(json.dumps([result.as_json() for result in results], indent=1))
    else:
        _print_table(lab, results)
        weak = f" ({weakness})" if weakness else ""
        print(f"sandbox level {int(level)}{weak}; {seed_set(args.key)} seeds; + passed, - failed, ? open, . not run")
        if args.out is not None:
            print(f"results: {args.out}")
    return exit_code([record.verdict for result in results for record in result.records.values()])


def _level(wanted: int | None) -> tuple[sandbox.Level, str]:
    if wanted is None:
        return sandbox.best_level()
    level = sandbox.Level(wanted)
    if level and (reason := sandbox.why_not(level)):
        raise Refusal(f"sandbox level {wanted} cannot be had here: {reason}", cure="./lab doctor")
    return level, "" if level else "nothing holds a program back: for submissions that you trust"


def _print_table(lab: Lab, results: list[Result]) -> None:
    longest = max([10, *(len(result.submission) for result in results)])
    name_width = min(longest, max(10, width() - 30 - 2 * len(lab.steps)))
    print(paint(f"{'submission':<{name_width}}  {'score':>5}  {' '.join(step.id[:1] for step in lab.steps)}", "bold"))
    for result in results:
        signs = " ".join(_SIGNS[record.verdict] for record in result.records.values())
        name = result.submission if len(result.submission) <= name_width else result.submission[: name_width - 1] + "~"
        here = "" if result.judged == lab.points else f"  graded here: {result.judged} of {lab.points}"
        print(f"{name:<{name_width}}  {result.score:>5}  {signs}{here}")
        for reason in _unclear(result):
            print(f"    {escape(reason, limit=200)}")


def _unclear(result: Result) -> list[str]:
    """Why something was not judged, each reason once."""
    records = [each for each in result.records.values() if each.verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_RUN)]
    notes = result.note.splitlines()
    return list(dict.fromkeys([*notes, *(each.reason for each in records)]))
