"""`lab list`: which labs there are, what works on this machine, and how far the student is."""

import argparse
import json
from typing import Any

from labs import workspace
from labs.cli.chosen import refusing
from labs.cli.exit import PASSED
from labs.cli.terminal import escape, paint, sign
from labs.course import TESTBEDS, Course, CourseError, Entry, Lab, open_course, read_lab
from labs.testbed import testbeds

SUMMARY = "list the labs: what works here, and how far you are"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--json", action="store_true", help="the same as JSON (docs/json.md)")


def run(args: argparse.Namespace) -> int:
    """Print a line for each lab."""
    with refusing():
        course = open_course()
        rows = [_row(entry) for entry in course.entries]
    if args.json:
        print(json.dumps({"testbeds": _testbeds(), "labs": rows}, indent=1))
    else:
        _print(course, rows)
    return PASSED


def _testbeds() -> dict[str, str]:
    """Each testbed, and why it cannot be had here ("" when it can)."""
    return {testbed: testbeds.why_not(testbed) for testbed in TESTBEDS}


def _row(entry: Entry) -> dict[str, Any]:
    """What there is to say of one lab, as docs/json.md describes it."""
    row = {
        "number": entry.number,
        "name": entry.name,
        "title": entry.title,
        "act": entry.act,
        "weight": entry.weight,
        "elective": entry.elective,
        "state": "to come",
        "core_minutes": 0,
        "steps": 0,
        "passed": 0,
        "points": {},
        "problem": "",
    }
    if entry.folder is None:
        return row
    try:
        lab = read_lab(entry.folder)
    except CourseError as error:
        return row | {"state": "broken", "problem": error.message}
    passed = workspace.Progress.load().passed(lab)
    begun = workspace.folder_of(lab).is_dir()
    state = "passed" if passed >= _core(lab) else "begun" if begun else "ready"
    return row | {
        "state": state,
        "core_minutes": lab.core_minutes,
        "steps": len(lab.steps),
        "passed": len(passed),
        "points": {testbed: _points_on(lab, testbed) for testbed in TESTBEDS},
    }


def _core(lab: Lab) -> set[str]:
    return {step.id for step in lab.steps if not step.elective}


def _points_on(lab: Lab, testbed: str) -> int:
    """How many of the lab's points can be judged on `testbed` on this machine."""
    if testbeds.why_not(testbed):
        return 0
    return sum(step.points for step in lab.steps if testbed in step.testbeds and not step.elective)


def _print(course: Course, rows: list[dict[str, Any]]) -> None:
    yes, no = sign("✓", "y"), sign("–", "-")
    print(paint(f"{'lab':<4} {'title':<18} {'act':<3} {'hours':>5}  sim  mininet  {'state':<9} steps", "bold"))
    for row in rows:
        hours = f"{row['core_minutes'] / 60:.1f}" if row["core_minutes"] else ""
        marks = [(yes if row["points"].get(testbed) else no) for testbed in TESTBEDS]
        steps = f"{row['passed']} of {row['steps']}" if row["steps"] else ""
        line = f"{row['number']:<4} {row['title']:<18} {row['act']:<3} {hours:>5}  "
        line += f"{marks[0]:<4} {marks[1]:<8} {row['state']:<9} {steps}"
        print(paint(line.rstrip(), *(["dim"] if row["state"] == "to come" else [])))
    for row in rows:
        if row["problem"]:
            print(f"\nlab {row['number']} cannot be used: {escape(row['problem'])}")
    if reason := testbeds.why_not("mininet"):
        print(f"\nmininet cannot be had here: {reason}\n./lab doctor tells more; sim needs nothing.")
