"""`lab questions`: what the predict and diagnose steps ask of this student, and the trace to diagnose."""

import argparse
import textwrap

from labs import workspace
from labs.cli.chosen import add_lab, chosen_lab, refusing
from labs.cli.exit import PASSED, Refusal
from labs.cli.terminal import paint, width
from labs.course import ANSWERS, Kind, Lab, Step
from labs.grading import answers
from labs.story.telling import Teller
from labs.story.trace import Trace

SUMMARY = "your own questions, and the trace that you diagnose"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_lab(parser)
    parser.add_argument("--trace", action="store_true", help="print the trace to diagnose, event by event")


def run(args: argparse.Namespace) -> int:
    """Print the questions for the student's key."""
    _, lab = chosen_lab(args.lab)
    asking = [step for step in lab.steps if step.kind is not Kind.BUILD]
    if not asking:
        raise Refusal(f"lab {lab.number} asks no questions", cure=f"./lab check {lab.number}")
    with refusing():
        key = workspace.student_key()
        if args.trace:
            return _print_trace(lab, key)
        for step in asking:
            print(paint(f"step {step.id}  {step.title}", "bold"))
            _print_step(lab, step, key)
    print(f"Answer in {workspace.folder_of(lab) / ANSWERS}; then ./lab check {lab.number} --step {asking[0].id}")
    return PASSED


def _print_step(lab: Lab, step: Step, key: str) -> None:
    if answers.asks_questions(lab, step):
        for question in answers.ask(lab, step, key):
            _print_paragraph(f"{question.id} = ", question.text)
        return
    _print_paragraph("defect = ", "which of these defects left the trace below?")
    for name, text in answers.defects(lab).items():
        _print_paragraph(f"    {name}: ", text)
    _print_paragraph("frame = ", f"the event that proves it, as `./lab questions {lab.number} --trace` names it")
    print(f"  the trace: {answers.case_for(lab, key).file}")


def _print_paragraph(label: str, text: str) -> None:
    columns = min(width(), 100)
    print(textwrap.fill(f"  {label}{text}", columns, subsequent_indent="      ", break_on_hyphens=False))


def _print_trace(lab: Lab, key: str) -> int:
    if not any(step.kind is Kind.DIAGNOSE and not answers.asks_questions(lab, step) for step in lab.steps):
        own = next(iter(answers.own_scenes(lab, key)), "")
        cure = f"./lab run {lab.number} --scene {own} --on sim plays one of your own" if own else None
        raise Refusal(f"lab {lab.number} has no stored trace to diagnose", cure=cure)
    trace = Trace.read(answers.case_for(lab, key).file)
    teller = Teller.of(lab)
    for event in trace.events:
        print(teller.tell(event))
    print(f"the end: {trace.ended}")
    return PASSED
