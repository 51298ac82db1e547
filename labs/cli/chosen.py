"""What a command's arguments name: a lab, a step, a submission; what cannot be found is refused, with a cure."""

import argparse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from labs import workspace
from labs.cli.exit import FAILED, INCONCLUSIVE, PASSED, Refusal
from labs.cli.groups import require_group
from labs.cli.terminal import escape
from labs.course import Course, CourseError, Lab, Step, open_course
from labs.testbed.judge import Verdict


@contextmanager
def refusing() -> Iterator[None]:
    """Turns what is wrong with the course or a student's folder into a refusal."""
    try:
        yield
    except (CourseError, workspace.WorkspaceError) as error:
        raise Refusal(escape(error.message), cure=error.cure or None) from None


def chosen_lab(wanted: str) -> tuple[Course, Lab]:
    """The lab that was named, and its course."""
    with refusing():
        course = open_course()
        return course, course.lab(wanted)


def chosen_steps(lab: Lab, wanted: list[str] | None) -> list[Step]:
    """The steps that were named; all of them when none was."""
    with refusing():
        return [lab.step(each) for each in wanted] if wanted else list(lab.steps)


def require_groups(steps: Iterable[Step]) -> None:
    """Install what these steps need beyond the course's own packages, after asking."""
    for group in {group for step in steps for group in step.lacks.values()}:
        require_group(group)


def core_steps(lab: Lab) -> list[Step]:
    """The steps that everybody does: what these need, whoever takes the lab needs."""
    return [step for step in lab.steps if not step.elective]


def chosen_submission(lab: Lab, given: Path | None) -> Path:
    """The folder that was named, or the student's own."""
    folder = given or workspace.folder_of(lab)
    if not folder.is_dir():
        if given is not None:
            raise Refusal(f"{escape(str(given))} is not a folder", cure="name the folder that holds the submission")
        raise Refusal(f"you have not started lab {lab.number}", cure=f"./lab start {lab.number}")
    return folder


def add_lab(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lab", help="a lab's number or name: 1, wire")


def add_submission(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--submission", type=Path, metavar="DIR", help="a folder other than your own")


def seed(text: str) -> int:
    """A seed as commands print it: hexadecimal."""
    try:
        number = int(text, 16)
    except ValueError:
        number = -1
    if not 0 <= number < 1 << 64:
        raise argparse.ArgumentTypeError(f"{text!a} is no seed: that is a hexadecimal number of at most 16 digits")
    return number


def at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def exit_code(verdicts: list[Verdict]) -> int:
    """Failed if anything failed; else inconclusive if anything is open; else passed."""
    if Verdict.FAIL in verdicts:
        return FAILED
    return PASSED if all(verdict is Verdict.PASS for verdict in verdicts) else INCONCLUSIVE
