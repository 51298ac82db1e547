"""The pytest plugin `downstack`: grades a submission with `pytest --lab 1 --submission DIR [--results results.json]`.

Checks become test items; pytest selects, reports and writes JUnit as ever. What is added: the verdicts, a failure told
as a story instead of a traceback of ours, and Gradescope's results file, rewritten after each step. Without `--lab`
the plugin does nothing.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from labs.course import Lab
    from labs.grading.checks import Check
    from labs.grading.examination import CheckResult, Examination
    from labs.testbed.scene import Scene

MARKERS = (
    "step(id): the step of the lab that a check belongs to",
    "points(n): what the step is worth; comes from lab.toml",
    "kind(name): build, predict or diagnose; comes from lab.toml",
    "testbeds(*names): where the check is judged, best first; the step's by default",
    "seeds(n): under how many seeds",
    "hint(text): the hint when it fails",
    "exact: a check of times and bounds, which counts on sim only",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Our options. Without --lab the others mean nothing."""
    group = parser.getgroup("downstack", "grading of downstack's labs")
    group.addoption("--lab", metavar="N", help="grade this lab: its number or name")
    group.addoption("--submission", type=Path, metavar="DIR", help="the folder to grade")
    group.addoption(
        "--seed", default="visible", metavar="KEY", help="course key of hidden seeds (default: visible ones)"
    )
    group.addoption("--results", type=Path, metavar="FILE", help="write Gradescope's results.json here")
    group.addoption("--step", action="append", metavar="S", help="only this step")
    group.addoption("--testbed", metavar="NAME", help="only on this testbed: sim, mininet")
    group.addoption("--level", type=int, metavar="L", help="the sandbox's level: 0, 1, 2 (default: the best)")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers; with --lab, collect the lab's checks unless told what to collect."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if config.getoption("--lab") is None:
        return
    grading = _Grading(config)
    config.pluginmanager.register(grading, "downstack-grading")
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = grading.places()


class _Grading:
    """One run of pytest that grades one submission."""

    def __init__(self, config: pytest.Config) -> None:
        from labs.course import CourseError, open_course
        from labs.grading.checks import find_checks
        from labs.grading.results import Result
        from labs.testbed import sandbox

        option = config.getoption
        try:
            self.lab: Lab = open_course().lab(option("--lab"))
            self.checks = find_checks(self.lab)
            self.wanted = [self.lab.step(each).id for each in option("--step") or ()]
        except CourseError as error:
            raise pytest.UsageError(f"{error.message}\n{error.cure}") from None
        if option("--submission") is None:
            raise pytest.UsageError("--lab needs --submission DIR, the folder to grade")
        self.submission: Path = option("--submission")
        best, self.weakness = sandbox.best_level()
        self.level = best if option("--level") is None else sandbox.Level(option("--level"))
        self.config = config
        self.results: Path | None = option("--results")
        self.result: Result = Result(
            lab=self.lab, submission=self.submission.name, level=self.level, key=option("--seed")
        )
        self.done: dict[str, list[CheckResult]] = {}
        self.examination: Examination | None = None
        self.refused = ""

    def places(self) -> list[str]:
        """What to collect: the lab's checks, and its questions."""
        questions = self.lab.folder / "questions.py"
        return [str(self.lab.folder / "checks"), *([str(questions)] if questions.is_file() else [])]

    def pytest_report_header(self) -> str:
        from labs.grading.results import seed_set

        level = f"sandbox level {int(self.level)}" + (f" ({self.weakness})" if self.weakness else "")
        return f"lab {self.lab.number}: {self.lab.title}; {seed_set(self.result.key)} seeds; {level}"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Iterator[Any]:
        """Take the submission in, keep its programs at hand while the items run, and close the books."""
        from labs.grading.examination import Examination
        from labs.grading.intake import Refused, take_in

        with tempfile.TemporaryDirectory(prefix="downstack-submission-") as folder:
            try:
                self.result.note = "\n".join(take_in(self.submission, Path(folder) / "own"))
            except Refused as error:
                self.refused = str(error)
            self.write()
            with Examination(
                lab=self.lab,
                submission=Path(folder) / "own",
                level=self.level,
                key=self.result.key,
                on=self.config.getoption("--testbed"),
                checks=self.checks,
            ) as self.examination:
                try:
                    return (yield)
                finally:
                    self.result.give_up(self.refused or "it was not asked for, or the run was stopped")
                    self.write()

    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> "pytest.Module | None":
        """A module of the lab's checks yields checks instead of functions."""
        if module_path.is_relative_to(self.lab.folder):
            module: pytest.Module = CheckModule.from_parent(parent, path=module_path, grading=self)
            return module
        return None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Judge in the order of the lab's steps."""
        order = [step.id for step in self.lab.steps]
        items.sort(key=lambda item: order.index(item.check.step) if isinstance(item, CheckItem) else len(order))

    def checks_of(self, path: Path) -> list["Check"]:
        """The checks that stand in a file; those made from questions stand in questions.py."""
        from labs.course import Kind
        from labs.grading.answers import check_of

        if path.name != "questions.py":
            return [check for check in self.checks if check.file == path]
        asked = [step for step in self.lab.steps if step.kind is not Kind.BUILD]
        return [check_of(self.lab, step, self.submission, _not_here) for step in asked]

    def run(self, check: "Check") -> "CheckResult":
        """Judge one check, and write its step's result down once it is decided."""
        from labs.grading.examination import CheckResult, StepResult
        from labs.grading.results import Record
        from labs.story import narrate
        from labs.testbed.judge import Verdict

        assert self.examination is not None
        step = self.lab.step(check.step)
        own = self.examination.submission
        results = self.done.setdefault(step.id, [])
        if results and results[-1].verdict is not Verdict.PASS:
            pytest.skip("not reached: an earlier check of this step did not pass")
        missing = self.refused or self.examination.missing(step)
        fresh = next(each for each in self.examination.of(step) if each.name == check.name)
        if missing:
            results.append(CheckResult(check=check, verdict=Verdict.FAIL, reason=missing))
        else:
            results.append(self.examination.check(fresh))
        rest = [each for each in self.examination.of(step) if each.name not in {done.check.name for done in results}]
        whole = StepResult(step=step, results=tuple(results), not_reached=tuple(rest))
        if not rest or whole.verdict is not Verdict.PASS:
            self.result.put(Record.of(whole, narrate.explain(whole, self.lab, own)))
            self.write()
        return results[-1]

    def write(self) -> None:
        from labs.grading.results import write_gradescope

        if self.results is not None:
            write_gradescope(self.results, self.result)


def _not_here(scene: "Scene", seed: int) -> NoReturn:
    raise AssertionError("a check is collected without being run")


class NotPassed(Exception):
    """A check that did not pass; the text is its story."""


class CheckModule(pytest.Module):
    """A file of checks, or of questions."""

    def __init__(self, *, grading: _Grading, **options: Any) -> None:
        super().__init__(**options)
        self.grading = grading

    def collect(self) -> Iterator[pytest.Item]:
        """Yield an item for each check of a step that was asked for."""
        for check in self.grading.checks_of(self.path):
            if not self.grading.wanted or check.step in self.grading.wanted:
                item: CheckItem = CheckItem.from_parent(self, name=check.name, check=check)
                yield item


class CheckItem(pytest.Item):
    """One check as pytest sees it."""

    def __init__(self, *, check: "Check", **options: Any) -> None:
        super().__init__(**options)
        self.check = check
        self.grading = options["parent"].grading
        step = self.grading.lab.step(check.step)
        for marker in (pytest.mark.step(step.id), pytest.mark.points(step.points), pytest.mark.kind(step.kind.value)):
            self.add_marker(marker)
        self.user_properties += [("step", step.id), ("points", step.points)]

    def runtest(self) -> None:
        """Judge the check: not run is a skip; anything else that is no pass is a failure."""
        from labs.grading.examination import StepResult
        from labs.story import narrate
        from labs.testbed.judge import Verdict

        result = self.grading.run(self.check)
        if result.verdict is Verdict.PASS:
            return
        if result.verdict is Verdict.NOT_RUN:
            pytest.skip(f"not run: {result.reason}")
        step = StepResult(step=self.grading.lab.step(self.check.step), results=(result,))
        own = self.grading.examination.submission
        raise NotPassed(f"{result.verdict}: {self.check.sentence}\n{narrate.explain(step, self.grading.lab, own)}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """A story instead of a traceback, where the check has told one."""
        if isinstance(excinfo.value, NotPassed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the check stands."""
        code = getattr(self.check.function, "__code__", None)
        line = code.co_firstlineno - 1 if code is not None and Path(code.co_filename) == self.path else None
        return self.path, line, self.check.name


@pytest.fixture
def judge() -> None:
    """Checks are no ordinary tests: they are given their judge by `--lab`."""
    pytest.fail("a lab's checks run with `pytest --lab N --submission DIR`", pytrace=False)
