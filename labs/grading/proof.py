"""The proof of a lab: that its checks tell right from wrong.

* The reference and every folder of `right/` pass every step, under many seeds; questions have the same answers whoever
  of them is played.
* Every mutant of `wrong/` passes the steps before its own and fails its own under the seeds that students get, with the
  fingerprint, and so the hint, that it declares.
* The starter runs, and earns nothing.
* Two broken judges, one that accepts everything and one that rejects everything, fail this very proof.
* The files named as hidden are those that give answers away, and the cases to diagnose are what their mutants play.

What is proved is a list of `Claim`s; each is worked out by itself, in any process. One thing is not worked out again
for each mutant: a step that the reference passes *without* a file never reads it, so that it comes out the same
whatever a mutant has made of that file.
"""

import multiprocessing
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from labs.course import ANSWERS, Course, CourseError, Kind, Lab, Step, open_course, read_lab
from labs.grading.answers import case_file, given_folder, play_case, read_cases, true_answers
from labs.grading.checks import import_part
from labs.grading.examination import Examination, StepResult
from labs.grading.hints import known_mistakes
from labs.grading.reference import Patch, bring, copy_files, in_words, lay_out, read_patches, right_answers, taken
from labs.imports import hidden_closure
from labs.story.trace import Trace
from labs.testbed import testbeds
from labs.testbed.cast import Cast
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


@dataclass(slots=True)
class Workshop:
    """What one process keeps from claim to claim: a cast to make others from, and which steps do without which files.

    Use it as a context manager. It is for one lab that does not change meanwhile.
    """

    lab: Lab
    terms: Terms
    cast: Cast | None = None
    _stack: ExitStack = field(default_factory=ExitStack)
    _without: dict[tuple[str, frozenset[str]], bool] = field(default_factory=dict)

    def __enter__(self) -> Self:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="downstack-prove-")))
        self.cast = Cast(own=folder, given=given_folder(self.lab), hidden=self.lab.hidden)
        self._stack.enter_context(self.cast)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def is_passed_without(self, step: Step, files: frozenset[str]) -> bool:
        """Whether the reference passes `step` when it lacks `files`; a step of code, under the seeds of students."""
        key = (step.id, files)
        if key not in self._without:
            with tempfile.TemporaryDirectory(prefix="downstack-prove-") as folder:
                own = lay_out(open_course(self.lab.folder.parent), self.lab, Path(folder))
                for name in files:
                    (own / name).unlink(missing_ok=True)
                with self.examination(own) as examination:
                    self._without[key] = examination.step(step).verdict is Verdict.PASS
        return self._without[key]

    def examination(self, own: Path, *, many: bool = False) -> Examination:
        """An examination of what lies in `own`, under the terms' many seeds or under those of students."""
        counts = {"sim": self.terms.seeds, "mininet": SEEDS_ON_MININET} if many else {}
        return Examination(
            lab=self.lab,
            submission=own,
            on=self.terms.on,
            counts=counts,
            judging=self.terms.judging,
            ready=self.cast,
        )


def examine(lab: Lab, claim: Claim, terms: Terms, shop: Workshop | None = None) -> Finding:
    """Work out one claim. Whatever is wrong with the lab becomes a finding that says so."""
    course = open_course(lab.folder.parent)
    shop = shop or Workshop(lab, terms)
    try:
        with tempfile.TemporaryDirectory(prefix="downstack-prove-") as folder:
            return _EXAMINERS[claim.what](course, shop, claim, Path(folder))
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
    with tempfile.TemporaryDirectory(prefix="downstack-prove-") as scratch, ExitStack() as stack:
        results: Iterable[Finding]
        if jobs > 1:
            pool = stack.enter_context(_SPAWN.Pool(jobs, _open_shop, (lab.folder, terms, scratch)))
            results = pool.imap_unordered(_work, wanted)
        else:
            shop = stack.enter_context(Workshop(lab, terms))
            results = (examine(lab, claim, terms, shop) for claim in wanted)
        for finding in results:
            findings[finding.claim] = finding
            told(finding)
    return [findings[claim] for claim in wanted]


_SPAWN = multiprocessing.get_context("fork")
_shops: list[Workshop] = []  # the only one of a process of the pool


def _open_shop(folder: Path, terms: Terms, scratch: str) -> None:
    """In each process of the pool: what it cannot put away when the proof is interrupted goes with `scratch`."""
    tempfile.tempdir = scratch
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _shops.append(Workshop(read_lab(folder), terms).__enter__())


def _work(claim: Claim) -> Finding:
    (shop,) = _shops
    return examine(shop.lab, claim, shop.terms, shop)


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


def _hidden(course: Course, shop: Workshop, claim: Claim, folder: Path) -> Finding:
    lab = shop.lab
    wanted = hidden_closure(list(lab.reference.values()))
    says = f"lab.toml should say hidden = {list(wanted)}" if set(wanted) != set(lab.hidden) else ""
    return Finding(claim=claim, verdict=_proved(not says), says=says)


def _reference(course: Course, shop: Workshop, claim: Claim, folder: Path) -> Finding:
    lab, terms = shop.lab, shop.terms
    own = lay_out(course, lab, folder)
    if claim.what == "right":
        copy_files(lab.folder / "right" / claim.name, own)
    not_run: list[str] = []
    with shop.examination(own, many=True) as examination:
        for key in KEYS if _asks(terms.steps(lab)) else KEYS[:1]:
            if _asks(terms.steps(lab)):
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


def _starter(course: Course, shop: Workshop, claim: Claim, folder: Path) -> Finding:
    lab, terms = shop.lab, shop.terms
    copy_files(lab.folder / "starter", folder)
    bring(folder, {name: source.read_bytes() for name, source in taken(course, lab).items()})
    scenes: dict[str, Scene] = import_part(lab, "scenes").SCENES
    with shop.examination(folder) as examination:
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


def _wrong(course: Course, shop: Workshop, claim: Claim, folder: Path) -> Finding:
    """A mutant is code, so the steps that ask for code are those that it must pass and fail."""
    lab, terms = shop.lab, shop.terms
    patch = _patch(lab, "wrong", claim.name)
    own = lay_out(course, lab, folder)
    patch.apply(own)
    step = lab.step(patch.one("step"))
    if terms.on is not None and terms.on not in step.testbeds:
        return Finding(claim=claim, verdict=Verdict.PASS, says=f"left out: step {step.id} is not judged on {terms.on}")
    steps = [each for each in terms.steps(lab) if each.kind is Kind.BUILD]
    earlier = [each for each in steps[: steps.index(step)] if not shop.is_passed_without(each, patch.files)]
    with shop.examination(own) as examination:
        for result in examination.steps(earlier):
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


def _case(course: Course, shop: Workshop, claim: Claim, folder: Path) -> Finding:
    patch = _patch(shop.lab, "held", claim.name)
    trace = made_case(course, shop.lab, patch, folder, like=shop.cast)
    known = {case.file.name: case for case in read_cases(shop.lab)}
    case = known.get(case_file(patch.name))
    if case is None or not case.holds(patch, trace):
        says = f"is stale: ./lab prove {shop.lab.number} --cases makes the cases anew"
        return Finding(claim=claim, verdict=Verdict.FAIL, says=says)
    return Finding(claim=claim, verdict=Verdict.PASS, says=f"{len(patch.all('frame'))} frames prove it")


_EXAMINERS: dict[str, Callable[[Course, Workshop, Claim, Path], Finding]] = {
    "hidden": _hidden,
    "reference": _reference,
    "right": _reference,
    "starter": _starter,
    "wrong": _wrong,
    "case": _case,
}


def made_case(course: Course, lab: Lab, patch: Patch, folder: Path, *, like: Cast | None = None) -> Trace:
    """The trace of a held-back mutant, made in `folder`, with a cast made from `like`."""
    own = lay_out(course, lab, folder)
    patch.apply(own)
    return play_case(lab, patch, own, like=like)


def _write_answers(examination: Examination, key: str) -> None:
    """Write the true answers for `key`, as the submission's own programs show them."""
    answers = true_answers(examination.lab, key, examination.play_own)
    (examination.submission / ANSWERS).write_text(answers, encoding="utf-8")


def _asks(steps: Iterable[Step]) -> bool:
    return any(step.kind is not Kind.BUILD for step in steps)


def _patch(lab: Lab, folder: str, name: str) -> Patch:
    return next(patch for patch in read_patches(lab.folder / folder) if patch.name == name)


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
