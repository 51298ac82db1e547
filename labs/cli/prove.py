"""`lab prove`: whether a lab's checks tell right from wrong."""

import argparse
import json
import os
import tempfile
from pathlib import Path

from labs.cli.chosen import add_lab, at_least_one, chosen_lab, refusing, require_groups
from labs.cli.exit import FAILED, INCONCLUSIVE, PASSED, Refusal
from labs.cli.terminal import escape, paint, progress
from labs.course import TESTBEDS, Course, Lab
from labs.grading import proof
from labs.grading.answers import write_cases
from labs.grading.hints import HINTS
from labs.grading.proof import Finding
from labs.grading.reference import read_patches
from labs.story import mutants
from labs.story.escape import plain
from labs.testbed import testbeds
from labs.testbed.judge import Verdict

SUMMARY = "prove that a lab's checks tell right from wrong"

_WORDS = {Verdict.PASS: "proved", Verdict.FAIL: "NOT PROVED", Verdict.NOT_RUN: "not run"}
_COLOURS = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.NOT_RUN: "yellow"}
_EXITS = {Verdict.PASS: PASSED, Verdict.FAIL: FAILED, Verdict.NOT_RUN: INCONCLUSIVE}
_FINDING = 600  # characters of what a finding says


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_lab(parser)
    parser.add_argument(
        "--seeds", type=at_least_one, default=proof.SEEDS, metavar="N", help="for right answers, on sim"
    )
    parser.add_argument("--on", choices=TESTBEDS, help="only the steps that this testbed can judge")
    parser.add_argument("--jobs", type=at_least_one, default=os.cpu_count() or 1, metavar="N", help="at a time")
    parser.add_argument("--cases", action="store_true", help="make the traces to diagnose anew, and prove nothing")
    parser.add_argument("--show", action="store_true", help="tell how each mutant is caught, and prove nothing")
    parser.add_argument("--markdown", action="store_true", help="with --show: as a table (docs/mutants.md)")
    parser.add_argument("--json", action="store_true", help="the findings as JSON (docs/json.md)")


def run(args: argparse.Namespace) -> int:
    """Prove, print a table, and say what it comes to."""
    course, lab = chosen_lab(args.lab)
    if not lab.has_reference or (lab.folder / HINTS).is_file():
        raise Refusal("a student's edition has nothing to prove with", cure="use the whole course")
    if args.on and (reason := testbeds.why_not(args.on)):
        raise Refusal(f"{args.on} cannot be had here: {reason}", cure="./lab doctor", code=INCONCLUSIVE)
    require_groups(list(lab.steps))
    with refusing():
        if args.cases:
            return _make_cases(course, lab)
        if args.show or args.markdown:
            return _show(course, lab, args)
        findings = _prove(lab, proof.Terms(seeds=args.seeds, on=args.on), args.jobs)
    verdict = proof.total(findings)
    if args.json:
        print(
            json.dumps(
                {"lab": lab.number, "verdict": _WORDS[verdict], "claims": list(map(_as_json, findings))}, indent=1
            )
        )
    else:
        print("\n".join(map(_line, findings)))
        print(paint(_summary(lab, findings, verdict), "bold", _COLOURS[verdict]))
    return _EXITS[verdict]


def _prove(lab: Lab, terms: proof.Terms, jobs: int) -> list[Finding]:
    label, total, done = f"proving lab {lab.number}", len(proof.claims(lab)), 0

    def told(finding: Finding) -> None:
        nonlocal done
        done += 1
        progress(label, done, total)

    progress(label, 0, total)
    return [*proof.prove(lab, terms, jobs=jobs, told=told), *proof.broken_judges(lab, terms)]


def _show(course: Course, lab: Lab, args: argparse.Namespace) -> int:
    shown = mutants.show(
        course, lab, on=args.on, told=lambda done, total: progress(f"catching mutants of lab {lab.number}", done, total)
    )
    print(mutants.as_markdown(lab, shown) if args.markdown else plain(mutants.as_text(shown), lines=True))
    return PASSED


def _make_cases(course: Course, lab: Lab) -> int:
    made = {}
    for patch in read_patches(lab.folder / "held"):
        with tempfile.TemporaryDirectory(prefix="downstack-case-") as folder:
            made[patch.name] = (patch, proof.made_case(course, lab, patch, Path(folder)))
    if not made:
        raise Refusal(f"lab {lab.number} holds back no mutant", cure=f"write {lab.folder.name}/held/*.patch")
    write_cases(lab, made)
    for name, (patch, trace) in made.items():
        print(f"{name:<20} {patch.one('defect'):<20} {len(trace.events)} events, {trace.ended}")
    return PASSED


def _line(finding: Finding) -> str:
    claim = finding.claim
    step = f"step {claim.step}" if claim.step else ""
    told = paint(f"{_WORDS[finding.verdict]:<11}", _COLOURS[finding.verdict])
    says = plain(finding.says[:_FINDING], lines=finding.verdict is Verdict.FAIL).replace("\n", "\n      ")
    return f"{told}{claim.what:<10} {escape(claim.name):<24} {step:<8} {says}".rstrip()


def _summary(lab: Lab, findings: list[Finding], verdict: Verdict) -> str:
    wrong = [each for each in findings if each.claim.what == "wrong"]
    caught = sum(each.verdict is Verdict.PASS for each in wrong)
    return f"lab {lab.number}: {_WORDS[verdict]}; {caught} of {len(wrong)} mutants caught"


def _as_json(finding: Finding) -> dict[str, str]:
    claim = finding.claim
    return {
        "what": claim.what,
        "name": claim.name,
        "step": claim.step,
        "verdict": _WORDS[finding.verdict].lower(),
        "says": plain(finding.says),
    }
