"""`lab doctor`: what works on this machine, and the one line that mends what does not."""

import argparse
import dataclasses
import json
import textwrap

import labs
from labs.cli.exit import PASSED
from labs.cli.machine import Examination, Finding, State, examine
from labs.cli.terminal import escape, paint, width

SUMMARY = "what works on this machine, and how to mend what does not"

_INDENT = 27  # columns before a finding's detail
_COLOUR = {State.WORKS: "green", State.LIMITED: "yellow", State.MISSING: "red"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--json", action="store_true", help="the same as JSON (docs/json.md)")


def run(args: argparse.Namespace) -> int:
    """Try everything and tell; a missing thing is no failure, for the labs do without what they can."""
    examination = examine()
    if args.json:
        print(json.dumps({"downstack": labs.__version__, **dataclasses.asdict(examination)}, indent=2))
    else:
        print(as_text(examination))
    return PASSED


def as_text(examination: Examination) -> str:
    """The findings in two tables, each mend under its finding."""
    lines = [paint("this machine", "bold"), *_rows(examination.checks), ""]
    lines += [paint("testbeds", "bold"), *_rows(examination.testbeds)]
    if examination.apparmor_profile:
        lines += [
            "",
            paint("AppArmor", "bold"),
            "  An administrator lets plain users run the labs by writing this to /etc/apparmor.d/downstack and running",
            "  sudo apparmor_parser -r /etc/apparmor.d/downstack",
            "  (it lets every program of that Python make user namespaces; sudo ./lab needs no profile):",
            "",
            *(f"    {line}" for line in examination.apparmor_profile.splitlines()),
        ]
    return "\n".join(lines)


def _rows(findings: tuple[Finding, ...]) -> list[str]:
    lines = []
    for finding in findings:
        first, *others = textwrap.wrap(escape(finding.detail), max(30, width() - _INDENT), break_on_hyphens=False)
        state = paint(f"{finding.state:<7}", _COLOUR[finding.state])
        lines += [f"  {finding.name:<15} {state}  {first}", *(" " * _INDENT + line for line in others)]
        if finding.mend:
            lines.append(" " * _INDENT + f"-> {finding.mend}")  # never wrapped: it is there to be copied
    return lines
