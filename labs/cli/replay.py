"""`lab replay`: a check played again under the seed, or the schedule of faults, that broke it."""

import argparse

from labs.cli.chosen import (
    add_lab,
    add_submission,
    chosen_lab,
    chosen_steps,
    chosen_submission,
    exit_code,
    refusing,
    seed,
)
from labs.cli.exit import INCONCLUSIVE, Refusal
from labs.cli.terminal import paint
from labs.course import TESTBEDS, Lab, Step
from labs.grading import reports
from labs.grading.checks import Check
from labs.grading.examination import CheckResult, Examination, StepResult
from labs.story import narrate
from labs.story.calls import calls
from labs.story.telling import Teller
from labs.story.trace import Event
from netstack.wire import Fault, ScriptError

SUMMARY = "play a check again, under the seed or the faults that broke it"

_ACTIONS = {
    "drop": "a-b:data:2",
    "duplicate": "a-b:data:2",
    "hold": "a-b:data:7-9:300ms",
    "flip": "a-b:data:3:17",
    "cut": "a-b:2s-5s",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_lab(parser)
    parser.add_argument("--step", required=True, metavar="S")
    parser.add_argument("--check", metavar="NAME", help="only this check of the step")
    parser.add_argument("--seed", type=seed, required=True, metavar="HEX")
    parser.add_argument("--on", choices=TESTBEDS, help="on this testbed; exact on sim, best effort on mininet")
    for action, example in _ACTIONS.items():
        parser.add_argument(f"--{action}", action="append", default=[], metavar="FAULT", help=f"as in {example}")
    parser.add_argument("--no-faults", action="store_true", help="without any fault: neither the check's nor by chance")
    parser.add_argument("--brief", action="store_true", help="without the events")
    add_submission(parser)


def run(args: argparse.Namespace) -> int:
    """Play, telling every event; then say what it came to."""
    _, lab = chosen_lab(args.lab)
    (step,) = chosen_steps(lab, [args.step])
    submission = chosen_submission(lab, args.submission)
    schedule = _schedule(args)
    teller = Teller.of(lab)

    def watch(event: Event) -> None:
        if not args.brief:
            print(teller.tell(event), flush=True)

    with (
        refusing(),
        Examination(
            lab=lab,
            submission=submission,
            seeds=(args.seed,),
            on=args.on,
            schedule=schedule,
            watch=watch,
        ) as examination,
    ):
        results = [_tell(examination, check) for check in _checks(examination, lab, step, args.check)]
    whole = StepResult(step=step, results=tuple(results))
    report = reports.write(lab, results) if any(each.outcome for each in results) else None
    print(paint(narrate.headline(whole), "bold"))
    print(narrate.explain(whole, lab, submission, report=report))
    if any(each.testbed == "mininet" for each in results):
        print("on mininet time is real: a replay there is best effort")
    return exit_code([each.verdict for each in results])


def _tell(examination: Examination, check: Check) -> CheckResult:
    print(paint(f"{check.name}: {check.sentence}", "bold"), flush=True)
    result = examination.check(check)
    for told in calls(result.outcome) if result.outcome is not None else ():
        print(told)
    return result


def _schedule(args: argparse.Namespace) -> tuple[Fault, ...] | None:
    """The faults that were named; None when the check's own faults and chance shall act."""
    try:
        named = tuple(Fault.parse(f"{action} {text}") for action in _ACTIONS for text in getattr(args, action))
    except ScriptError as error:
        raise Refusal(str(error), cure="write faults as a replay command does") from None
    if named and args.no_faults:
        raise Refusal("--no-faults and a fault contradict each other", cure="leave out one of them")
    return named if named or args.no_faults else None


def _checks(examination: Examination, lab: Lab, step: Step, name: str | None) -> list[Check]:
    if missing := examination.missing(step):
        raise Refusal(missing, cure=f"./lab check {lab.number}", code=INCONCLUSIVE)
    checks = [check for check in examination.of(step) if name in (None, check.name)]
    if not checks:
        known = ", ".join(check.name for check in examination.of(step))
        raise Refusal(f"step {step.id} has no check {name!r}", cure=f"its checks are {known}")
    return checks
