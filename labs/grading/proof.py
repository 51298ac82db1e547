"""The proof of a lab: that its checks tell right from wrong.

* The reference and every folder of `right/` pass every step, under many seeds; questions have the same answers whoever
  of them is played.
* Every mutant of `wrong/` passes the steps before its own and fails its own under the seeds that students get, with the
  fingerprint, and so the hint, that it declares.
* The starter runs, and earns nothing.
* Two broken judges, one that accepts everything and one that rejects everything, fail this very proof.
* The files named as hidden are those that give answers away, and the cases to diagnose are what their mutants play.

What is proved is a list of `Claim`s; each is worked out by itself, in any process.
"""

import multiprocessing
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labs.course import ANSWERS, Course, CourseError, Kind, Lab, Step, hidden_closure, open_course, read_lab
from labs.grading.answers import case_file, play_case, read_cases, true_answers
from labs.grading.checks import import_part
from labs.grading.examination import Examination, StepResult
from labs.grading.hints import known_mistakes
from labs.grading.reference import Patch, copy_files, in_words, lay_out, read_patches, right_answers
from labs.story.trace import Trace
from labs.testbed import testbeds
from labs.testbed.judge import Broken, Outcome, Verdict, run_check
from labs.testbed.scene import Scene

SEEDS = 20
SEEDS_ON_MININET = 2
KEYS = tuple(f"prove-{number}" for number in range(5))  # the students for whom questions are answered

Judging = Callable[..., Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Something to be proved: `what` (reference, right, wrong, starter, hidden, case) about `name`."""

    what: str
    name: str = ""
    step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a claim came to: proved (pass), refuted (fail), or not decided here (not run); `says` tells more."""

    claim: Claim
    verdict: Verdict
    says: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a proof is done: under how many seeds, on which testbed (None: the best for each step), by which judge."""

    seeds: int = SEEDS
    on: str | None = None
    judging: Judging = run_check

    def steps(self, lab: Lab) -> list[Step]:
        return [step for step in lab.steps if self.on is None or self.on in step.testbeds]


def claims(lab: Lab) -> list[Claim]:
    """All that the proof of `lab` consists of, but for the broken judges."""
    wrong = read_patches(lab.folder / "wrong")
    return [
        Claim(what="hidden"),
        Claim(what="reference"),
        *(Claim(what="right", name=folder.name) for folder in right_answers(lab)),
        Claim(what="starter"),
        *(Claim(what="wrong", name=patch.name, step=patch.one("step")) for patch in wrong),
        *(Claim(what="case", name=patch.name) for patch in read_patches(lab.folder / "held")),
    ]


def examine(lab: Lab, claim: Claim, terms: Terms) -> Finding:
    """Work out one claim. Whatever is wrong with the lab becomes a finding that says so."""
    course = open_course(lab.folder.parent)
    try:
        with tempfile.TemporaryDirectory(prefix="downstack-prove-") as folder:
            return _EXAMINERS[claim.what](course, lab, claim, terms, Path(folder))
    except CourseError as error:
        return Finding(claim=claim, verdict=Verdict.FAIL, says=f"{error.message} ({error.cure})")
    except Broken as broken:
        return Finding(claim=claim, verdict=Verdict.FAIL, says=f"{broken.text}: {broken.found}")


def prove(
    lab: Lab, terms: Terms, *, jobs: int = 1, told: Callable[[Finding], None] = lambda finding: None
) -> list[Finding]:
    """Work out every claim of `lab`, several at a time; `told` is called with each finding as it comes."""
    wanted = claims(lab)
    findings: dict[Claim, Finding] = {}
    work = [(lab.folder, claim, terms) for claim in wanted]
    with tempfile.TemporaryDirectory(prefix="downstack-prove-") as scratch, ExitStack() as stack:
        results: Iterator[Finding] = map(_work, work)
        if jobs > 1:
            pool = multiprocessing.get_context("fork").Pool(jobs, _use, (scratch,))
            results = stack.enter_context(pool).imap_unordered(_work, work)
        for finding in results:
            findings[finding.claim] = finding
            told(finding)
    return [findings[claim] for claim in wanted]


def _use(scratch: str) -> None:
    """In each process of the pool: what it cannot put away when the proof is interrupted goes with `scratch`."""
    tempfile.tempdir = scratch
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _work(work: tuple[Path, Claim, Terms]) -> Finding:
    folder, claim, terms = work
    return examine(read_lab(folder), claim, terms)


def broken_judges(lab: Lab, terms: Terms) -> Iterator[Finding]:
    """That this proof does not hold for judges that judge nothing: some claim is refuted with them."""
    for name, judging in (("accepts everything", accept), ("rejects everything", reject)):
        deceived = replace(terms, judging=judging, on="sim")
        found_out = any(examine(lab, claim, deceived).verdict is Verdict.FAIL for claim in claims(lab))
        says = "" if found_out else "it was not found out: no mutant, or no step, depends on the judge"
        yield Finding(claim=Claim(what="judge", name=name), verdict=_proved(found_out), says=says)


def accept(check: Any, *arguments: Any, **options: Any) -> Outcome:
    """A judge that plays nothing and finds everything right."""
    return Outcome(verdict=Verdict.PASS, seed=0, seeds_tried=1, story=())


def reject(check: Any, *arguments: Any, **options: Any) -> Outcome:
    """A judge that plays nothing and finds everything wrong."""
    broken = Broken("rejected", "nothing is good enough")
    return Outcome(verdict=Verdict.FAIL, seed=0, seeds_tried=1, story=(), broken=broken)


def _proved(holds: bool) -> Verdict:
    return Verdict.PASS if holds else Verdict.FAIL


# The claims -----------------------------------------------------------------------------------------------------------


def _hidden(course: Course, lab: Lab, claim: Claim, terms: Terms, folder: Path) -> Finding:
    wanted = hidden_closure(list(lab.reference.values()))
    says = f"lab.toml should say hidden = {list(wanted)}" if set(wanted) != set(lab.hidden) else ""
    return Finding(claim=claim, verdict=_proved(not says), says=says)


def _reference(course: Course, lab: Lab, claim: Claim, terms: Terms, folder: Path) -> Finding:
    own = lay_out(course, lab, folder)
    if claim.what == "right":
        copy_files(lab.folder / "right" / claim.name, own)
    not_run: list[str] = []
    with _examination(lab, own, terms, many=True) as examination:
        for key in KEYS if _asks(lab) else KEYS[:1]:
            _write_answers(examination, key)
            steps = [step for step in terms.steps(lab) if key == KEYS[0] or step.kind is not Kind.BUILD]
            for result in examination.steps(steps):
                if result.verdict is Verdict.NOT_RUN:
                    not_run.append(f"step {result.step.id}: {result.why}")
                elif result.verdict is not Verdict.PASS:
                    return Finding(claim=claim, verdict=Verdict.FAIL, says=_in_short(result))
    if not_run:
        return Finding(claim=claim, verdict=Verdict.NOT_RUN, says="; ".join(not_run))
    return Finding(claim=claim, verdict=Verdict.PASS, says=f"passes {len(terms.steps(lab))} steps")


def _starter(course: Course, lab: Lab, claim: Claim, terms: Terms, folder: Path) -> Finding:
    copy_files(lab.folder / "starter", folder)
    scenes: dict[str, Scene] = import_part(lab, "scenes").SCENES
    with _examination(lab, folder, terms) as examination:
        earned = [result.step.id for result in examination.steps(terms.steps(lab)) if result.score]
        exits = examination.play_own(next(iter(scenes.values())), 1).exits()
    if earned:
        says = f"earns step {', '.join(earned)}: nothing in it bites the starter"
        return Finding(claim=claim, verdict=Verdict.FAIL, says=says)
    for exit_ in exits:
        if exit_.how in ("raised", "died", "stopped"):
            says = f"does not run: {exit_.program} on {exit_.host} {exit_.how}: {exit_.detail}"
            return Finding(claim=claim, verdict=Verdict.FAIL, says=says)
    return Finding(claim=claim, verdict=Verdict.PASS, says="runs, and earns 0")


def _wrong(course: Course, lab: Lab, claim: Claim, terms: Terms, folder: Path) -> Finding:
    """A mutant is code, so the steps that ask for code are those that it must pass and fail."""
    patch = _patch(lab, "wrong", claim.name)
    own = lay_out(course, lab, folder)
    patch.apply(own)
    step = lab.step(patch.one("step"))
    if terms.on is not None and terms.on not in step.testbeds:
        return Finding(claim=claim, verdict=Verdict.PASS, says=f"left out: step {step.id} is not judged on {terms.on}")
    steps = [each for each in terms.steps(lab) if each.kind is Kind.BUILD]
    with _examination(lab, own, terms) as examination:
        for result in examination.steps(steps[: steps.index(step)]):
            if result.verdict is Verdict.FAIL:
                says = f"was to fail step {step.id}; {_in_short(result)}"
                return Finding(claim=claim, verdict=Verdict.FAIL, says=says)
        return _caught(lab, claim, patch, examination.step(step))


def _caught(lab: Lab, claim: Claim, patch: Patch, result: StepResult) -> Finding:
    """Whether its own step finds the mutant out, by the fingerprint that it declares."""
    if result.verdict is Verdict.NOT_RUN:
        return Finding(claim=claim, verdict=Verdict.NOT_RUN, says=result.why)
    if result.verdict is not Verdict.FAIL:
        return Finding(claim=claim, verdict=Verdict.FAIL, says=f"is not caught: step {result.step.id} {result.verdict}")
    outcome = result.deciding.outcome if result.deciding else None
    if outcome is None or outcome.fingerprint is None:
        return Finding(claim=claim, verdict=Verdict.FAIL, says=f"leaves no fingerprint: {_in_short(result)}")
    seen = in_words(outcome.fingerprint)
    if seen not in patch.all("fingerprint"):
        says = f"is caught, but declares another fingerprint; seen: # fingerprint: {seen}"
        return Finding(claim=claim, verdict=Verdict.FAIL, says=says)
    if (hint := known_mistakes(lab)[result.step.id, seen]) != patch.one("hint"):
        says = f"shares its fingerprint ({seen}) with a mutant whose hint is: {hint}"
        return Finding(claim=claim, verdict=Verdict.FAIL, says=says)
    return Finding(claim=claim, verdict=Verdict.PASS, says=seen)


def _case(course: Course, lab: Lab, claim: Claim, terms: Terms, folder: Path) -> Finding:
    patch = _patch(lab, "held", claim.name)
    trace = made_case(course, lab, patch, folder)
    known = {case.file.name: case for case in read_cases(lab)}
    case = known.get(case_file(patch.name))
    if case is None or not case.holds(patch, trace):
        says = f"is stale: ./lab prove {lab.number} --cases makes the cases anew"
        return Finding(claim=claim, verdict=Verdict.FAIL, says=says)
    return Finding(claim=claim, verdict=Verdict.PASS, says=f"{len(patch.all('frame'))} frames prove it")


_EXAMINERS: dict[str, Callable[[Course, Lab, Claim, Terms, Path], Finding]] = {
    "hidden": _hidden,
    "reference": _reference,
    "right": _reference,
    "starter": _starter,
    "wrong": _wrong,
    "case": _case,
}


def made_case(course: Course, lab: Lab, patch: Patch, folder: Path) -> Trace:
    """The trace of a held-back mutant, made in `folder`."""
    own = lay_out(course, lab, folder)
    patch.apply(own)
    return play_case(lab, patch, own)


def _write_answers(examination: Examination, key: str) -> None:
    """Write the true answers for `key`, as the submission's own programs show them."""
    lab = examination.lab
    if _asks(lab):
        answers = true_answers(lab, key, examination.play_own)
        (examination.submission / ANSWERS).write_text(answers, encoding="utf-8")


def _asks(lab: Lab) -> bool:
    return any(step.kind is not Kind.BUILD for step in lab.steps)


def _patch(lab: Lab, folder: str, name: str) -> Patch:
    return next(patch for patch in read_patches(lab.folder / folder) if patch.name == name)


def _examination(lab: Lab, own: Path, terms: Terms, *, many: bool = False) -> Examination:
    counts = {"sim": terms.seeds, "mininet": SEEDS_ON_MININET} if many else {}
    return Examination(lab=lab, submission=own, on=terms.on, counts=counts, judging=terms.judging)


def _in_short(result: StepResult) -> str:
    """A step that did not pass, in a line or two."""
    deciding = result.deciding
    words = f"step {result.step.id} {result.verdict}"
    if deciding is not None and deciding.outcome is not None and deciding.outcome.broken is not None:
        broken, seed = deciding.outcome.broken, deciding.outcome.seed
        return f"{words}: {deciding.check.name} under seed {seed:x}: {broken.text}; {broken.found}"
    return f"{words}: {result.why}"


def total(findings: Sequence[Finding]) -> Verdict:
    """Proved when everything is; refuted when anything is; else not decided here."""
    verdicts = {finding.verdict for finding in findings}
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    return Verdict.PASS if verdicts <= {Verdict.PASS} else Verdict.NOT_RUN


def mininet_missing(lab: Lab) -> str:
    """Why steps that need mininet are not proved here; "" when they are, or when there are none."""
    return testbeds.why_not("mininet") if any("sim" not in step.testbeds for step in lab.steps) else ""
