"""`lab start`: a folder to work in."""

import argparse
from collections.abc import Iterator

from labs import workspace
from labs.cli.chosen import add_lab, chosen_lab, core_steps, refusing, require_groups
from labs.cli.exit import PASSED
from labs.course import Course, Kind, Lab
from labs.grading import answers
from labs.grading.reference import earlier_labs
from labs.workspace import Carried

SUMMARY = "make your folder for a lab, with what it starts from"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_lab(parser)
    parser.add_argument("--again", action="store_true", help="begin anew; the old folder is kept under a dated name")
    parser.add_argument("--given", action="store_true", help="take our files of earlier labs instead of yours")
    parser.add_argument("--student", default="", metavar="ID", help="your name in the course, if your instructor asks")


def run(args: argparse.Namespace) -> int:
    """Make the folder, and say what lies in it and what to do first."""
    course, lab = chosen_lab(args.lab)
    require_groups(core_steps(lab))
    with refusing():
        key = workspace.student_key(args.student)
        carried = list(_carried(course, lab, given=args.given))
        template = workspace.answers_template(lab, key, _asked(lab, key))
        cases = _cases(lab, key)
        aside = workspace.set_aside(lab) if args.again else None
        try:
            folder = workspace.begin(lab, carried, template, cases)
        except BaseException:
            if aside is not None:
                aside.rename(workspace.folder_of(lab))
            raise
    if aside is not None:
        print(f"your earlier folder is kept as {aside}")
    print(f"{folder}")
    for each in carried:
        print(f"  {each.name:<20} {each.origin}")
    print(f"\nLab {lab.number}, {lab.title}: about {lab.core_minutes / 60:.1f} hours")
    print(f"  {lab.folder / 'README.md'}  is the handout")
    print(f"  ./lab run {lab.number}      see what it does now\n  ./lab check {lab.number}    see what it should do")
    return PASSED


def _carried(course: Course, lab: Lab, *, given: bool) -> Iterator[Carried]:
    progress = workspace.Progress.load()
    for earlier in earlier_labs(course, lab):
        names = [name for name in earlier.carried if name in lab.takes]
        yield from workspace.given_from(earlier, names) if given else workspace.carried_from(earlier, names, progress)


def _asked(lab: Lab, key: str) -> dict[str, dict[str, str]]:
    """What each predict or diagnose step asks: the names of the answers, and the questions."""
    asked: dict[str, dict[str, str]] = {}
    for step in lab.steps:
        if answers.asks_questions(lab, step):
            asked[step.id] = {each.id: each.text for each in answers.ask(lab, step, key)}
        elif step.kind is Kind.DIAGNOSE:
            menu = "\n".join(f"  {name}: {text}" for name, text in answers.defects(lab).items())
            asked[step.id] = {
                "defect": f"Which defect left the trace in step{step.id}.jsonl? One of\n{menu}",
                "frame": f"Which event proves it? As `./lab questions {lab.number} --trace` names it.",
            }
    return asked


def _cases(lab: Lab, key: str) -> dict[str, bytes]:
    """The trace that this student has to diagnose, under the name that it gets in the folder."""
    diagnoses = [step for step in lab.steps if step.kind is Kind.DIAGNOSE and not answers.asks_questions(lab, step)]
    return {f"step{step.id}.jsonl": answers.case_for(lab, key).file.read_bytes() for step in diagnoses}
