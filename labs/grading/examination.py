"""A submission under examination: its checks are run on the best testbed at hand, and add up to verdicts of steps.

The submission's programs run in their own sandboxed processes; nothing of it is imported here. Whatever it does, each
check comes to a verdict with a reason: pass, fail, inconclusive (nothing that the check needs happened, or the check
itself failed), or not run (no testbed for it here).
"""

import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from labs.course import ANSWERS, Kind, Lab, Step, open_course
from labs.grading.answers import check_of, given_folder
from labs.grading.checks import Check, find_checks, of_step
from labs.grading.reference import lay_out
from labs.story.trace import Event, Trace
from labs.testbed import sim, testbeds
from labs.testbed.cast import Cast, CastError
from labs.testbed.judge import FURTHER_SEEDS, Outcome, Verdict, derive_seeds, run_check
from labs.testbed.sandbox import Level, Unavailable
from labs.testbed.scene import Scene
from labs.testbed.shrink import Shrunk, schedule_of, shrink_failure, with_schedule
from labs.testbed.sim import Played
from labs.testbed.unit import is_script
from netstack.wire import Fault

VISIBLE = "visible"  # the key of the seeds that every student has


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What one check came to, and where. `reason` says in words why it is neither passed nor plainly failed."""

    check: Check
    verdict: Verdict
    testbed: str = ""
    reason: str = ""
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What a step came to: all or nothing. `not_reached` are its checks after the first that did not pass."""

    step: Step
    results: tuple[CheckResult, ...] = ()
    not_reached: tuple[Check, ...] = ()
    reason: str = ""
    fallback: Verdict = Verdict.NOT_RUN

    @property
    def deciding(self) -> CheckResult | None:
        """The check that decided it: the first that did not pass, else the last."""
        last = self.results[-1] if self.results else None
        return next((each for each in self.results if each.verdict is not Verdict.PASS), last)

    @property
    def verdict(self) -> Verdict:
        return self.fallback if self.deciding is None else self.deciding.verdict

    @property
    def score(self) -> int:
        return self.step.points if self.verdict is Verdict.PASS else 0

    @property
    def why(self) -> str:
        """In words, why it did not pass; "" when it did, or when the deciding check's story tells."""
        return self.reason or (self.deciding.reason if self.deciding is not None else "")


@dataclass(slots=True, kw_only=True)
class Examination:
    """One submission's way through a lab. Use it as a context manager.

    `key` chooses the seeds, unless `seeds` names them; `counts` overrules how many a check asks for on a testbed; `on`
    restricts the testbeds to one; `schedule` is played instead of the checks' own faults and of chance;
    `watch` sees every event of every play, `told` each check's result at once; `judging` stands for `run_check`.
    `ready` is a cast to make one for this submission from, where there is no sandbox; `reference` one that plays the
    reference's programs.
    """

    lab: Lab
    submission: Path
    level: Level = Level.NONE
    key: str = VISIBLE
    seeds: tuple[int, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    judging: Callable[..., Outcome] = run_check
    on: str | None = None
    schedule: tuple[Fault, ...] | None = None
    watch: Callable[[Event], None] | None = None
    told: Callable[[CheckResult], None] = lambda result: None
    checks: Sequence[Check] = ()
    ready: Cast | None = None
    reference: Cast | None = None
    _casts: dict[tuple[str, ...], Cast] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        self.checks = self.checks or find_checks(self.lab)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._drop_casts()
        self._stack.close()

    def steps(self, wanted: Sequence[Step] | None = None) -> Iterator[StepResult]:
        """Examine the steps, one after another."""
        for step in self.lab.steps if wanted is None else wanted:
            yield self.step(step)

    def step(self, step: Step) -> StepResult:
        """Examine one step; it ends at the first check that does not pass."""
        if missing := self.missing(step):
            return StepResult(step=step, reason=missing, fallback=Verdict.FAIL, not_reached=tuple(self.of(step)))
        checks = self.of(step)
        if step.lacks:
            again = f"./lab check {self.lab.number} --step {step.id} installs it"
            return StepResult(step=step, reason=f"it needs {', '.join(step.lacks)}: {again}", not_reached=tuple(checks))
        results: list[CheckResult] = []
        for check in checks:
            results.append(self.check(check))
            self.told(results[-1])
            if results[-1].verdict is not Verdict.PASS:
                break
        return StepResult(step=step, results=tuple(results), not_reached=tuple(checks[len(results) :]))

    def of(self, step: Step) -> list[Check]:
        """The checks of a step; those of a predict or diagnose step are made from the lab's questions."""
        written = of_step(self.checks, step)
        if step.kind is Kind.BUILD:
            return written
        return [*written, check_of(self.lab, step, self.submission, self.play_right)]

    def missing(self, step: Step) -> str:
        """What the submission lacks for `step`, in words; "" when it has its file."""
        if not step.deliverable:
            return ""
        path = self.submission / step.deliverable
        if path.is_symlink():
            return f"{step.deliverable} is a symbolic link; hand in the file itself"
        if not path.is_file():
            where = f"; ./lab questions {self.lab.number} tells what to answer" if step.deliverable == ANSWERS else ""
            return f"there is no file {step.deliverable} in the submission{where}"
        return ""

    def check(self, check: Check) -> CheckResult:
        """Run one check."""
        wanted = [testbed for testbed in check.testbeds if self.on in (None, testbed)]
        if not wanted:
            return self._not_run(check, f"it is judged on {' or '.join(check.testbeds)}, not on {self.on}")
        testbed, reason = testbeds.choose(wanted)
        if not testbed:
            return self._not_run(check, reason)
        try:
            outcome = self._judge(check, testbed)
        except (CastError, Unavailable) as error:
            return self._not_run(check, f"programs could not be started: {error}")
        except Exception as error:
            return CheckResult(check=check, verdict=Verdict.INCONCLUSIVE, testbed=testbed, reason=_own_fault(error))
        reason = _nothing_bit(outcome) if outcome.verdict is Verdict.INCONCLUSIVE else ""
        return CheckResult(check=check, verdict=outcome.verdict, testbed=testbed, reason=reason, outcome=outcome)

    def _judge(self, check: Check, testbed: str) -> Outcome:
        count, named = self.counts.get(testbed) or check.seeds_on(testbed), check.fixed or self.seeds
        drawn = derive_seeds(self.key, self.lab.number, check.name, count + FURTHER_SEEDS)
        return self.judging(
            check.function,
            lambda scene, seed: self._perform(scene, seed, testbed),
            named or drawn[:count],
            further=() if named else drawn[count:],
            step=check.step,
        )

    def _perform(self, scene: Scene, seed: int, testbed: str) -> Played:
        """Play a scene; when a program has taken down the process that starts programs, once more with a fresh one."""
        try:
            return self._play(scene, seed, testbed)
        except CastError:
            self._drop_casts()
            return self._play(scene, seed, testbed)

    def _play(self, scene: Scene, seed: int, testbed: str) -> Played:
        chance = self.schedule is None
        if self.schedule is not None:
            scene = with_schedule(scene, self.schedule)
        watch = None if is_script(scene) else self.watch  # a unit script is told by its story, call by call
        return testbeds.play_on(testbed)(scene, self.cast(scene.preload), seed=seed, chance=chance, watch=watch)

    def shrink(self, result: CheckResult, progress: Callable[[int, int], None]) -> Shrunk | None:
        """The fewest faults that still break a check on `sim`; None for a failure in which no fault had a part."""
        outcome = result.outcome
        if outcome is None or result.verdict is not Verdict.FAIL or result.testbed != "sim":
            return None
        if not schedule_of(outcome):
            return None
        return shrink_failure(result.check.function, self.play_scripted, outcome, progress=progress)

    def play_scripted(self, scene: Scene, seed: int) -> Played:
        """Play a scene on `sim` with its script and without chance."""
        return sim.play(scene, self.cast(scene.preload), seed=seed, chance=False)

    def play_own(self, scene: Scene, seed: int) -> Trace:
        """Play a scene on `sim` with the submission's programs."""
        return sim.play(scene, self.cast(scene.preload), seed=seed).trace

    def play_right(self, scene: Scene, seed: int) -> Trace:
        """Play a scene on `sim` with the reference's programs; in a student's edition, with the submission's."""
        if not self.lab.has_reference:
            return self.play_own(scene, seed)
        if self.reference is None:
            self.reference = self._stack.enter_context(reference_cast(self.lab, self.ready))
        return sim.play(scene, self.reference, seed=seed).trace

    def cast(self, preload: tuple[str, ...] = ()) -> Cast:
        """The processes in which the submission's programs run, with the modules `preload` at hand."""
        if preload not in self._casts:
            self._casts[preload] = self._cast(preload).__enter__()
        return self._casts[preload]

    def _cast(self, preload: tuple[str, ...]) -> Cast:
        if self.ready is not None and not self.level and preload == self.ready.preload:
            return self.ready.another(self.submission)
        return Cast(
            own=self.submission,
            given=given_folder(self.lab),
            hidden=self.lab.hidden,
            level=self.level,
            preload=preload,
        )

    def _drop_casts(self) -> None:
        while self._casts:
            self._casts.popitem()[1].__exit__(None, None, None)

    def _not_run(self, check: Check, reason: str) -> CheckResult:
        return CheckResult(check=check, verdict=Verdict.NOT_RUN, reason=reason)


@contextmanager
def reference_cast(lab: Lab, like: Cast | None = None) -> Iterator[Cast]:
    """A cast that plays the reference's programs, made from the one that it is `like`, if there is one."""
    with tempfile.TemporaryDirectory(prefix="downstack-reference-") as folder:
        own = lay_out(open_course(lab.folder.parent), lab, Path(folder))
        with like.another(own) if like else Cast(own=own, given=given_folder(lab), hidden=lab.hidden) as cast:
            yield cast


def _nothing_bit(outcome: Outcome) -> str:
    return (
        f"under {outcome.seeds_tried} seeds it never came to this: {outcome.reason}. So the check shows nothing, which "
        "is not the student's fault; the instructor sees it"
    )


def _own_fault(error: Exception) -> str:
    where = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"the check itself failed ({type(error).__name__}: {error}, {Path(where.filename).name}:{where.lineno}), which "
        "is not the student's fault; the instructor sees it"
    )
