"""The checks of a lab: found by importing its check modules, with what their marks say.

A check is a function `test_…(judge)` in `checks/test_step*.py`, marked with the step that it belongs to. Here it is
found without pytest, so that a first verdict costs no more than it must; `labs.grading.plugin` hands the same values to
pytest. Predict and diagnose steps have a check that is made from the lab's `questions.py` instead.
"""

import importlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from labs.course import TESTBEDS, CourseError, Kind, Lab, Step
from labs.testbed.judge import Judge

SEEDS = {"sim": 3, "mininet": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check. `seeds` is how many it asks for, None for the testbed's usual number; `exact` ones count on sim only.

    `fixed` are the very seeds of a check that depends on the student instead of on chance.
    """

    name: str
    step: str
    function: Callable[[Judge], None]
    sentence: str
    testbeds: tuple[str, ...]
    seeds: int | None
    exact: bool
    hint: str
    file: Path
    fixed: tuple[int, ...] = ()

    def seeds_on(self, testbed: str) -> int:
        """Under how many seeds it is judged on `testbed`."""
        return self.seeds or SEEDS[testbed]


def find_checks(lab: Lab) -> list[Check]:
    """All checks of `lab` that are written as functions, by step; raises `CourseError` for one that cannot be used."""
    found: list[Check] = []
    for file in sorted((lab.folder / "checks").glob("test_step*.py")):
        found += _checks_of(lab, file)
    names = [check.name for check in found]
    for name in names:
        if names.count(name) > 1:
            raise CourseError(f"lab {lab.number} has two checks called {name}", cure="give each a name of its own")
    order = {step.id: place for place, step in enumerate(lab.steps)}
    found.sort(key=lambda check: order[check.step])
    for step in lab.steps:
        if step.kind is Kind.BUILD and step.id not in {check.step for check in found}:
            raise CourseError(f"{lab.folder}: step {step.id} has no check", cure=f"write checks/test_step{step.id}.py")
    return found


def of_step(checks: Sequence[Check], step: Step) -> list[Check]:
    """Those of `checks` that belong to `step`."""
    return [check for check in checks if check.step == step.id]


def _checks_of(lab: Lab, file: Path) -> Iterator[Check]:
    module = import_part(lab, f"checks.{file.stem}")
    functions = [
        value for name, value in vars(module).items() if name.startswith("test_") and inspect.isfunction(value)
    ]
    for function in sorted(functions, key=lambda each: each.__code__.co_firstlineno):
        yield _read(lab, file, module, function)


def import_part(lab: Lab, name: str) -> ModuleType:
    """Import a module of the lab (`scenes`, `checks.test_step1`); raises `CourseError` when that cannot be done."""
    try:
        return importlib.import_module(f"{lab.package}.{name}")
    except Exception as error:
        raise CourseError(
            f"{lab.folder / name.replace('.', '/')}.py cannot be imported: {type(error).__name__}: {error}",
            cure="this is a fault of the lab, not of a submission",
        ) from error


def _marks(marked: ModuleType | Callable[..., Any]) -> Sequence[Any]:
    marks = getattr(marked, "pytestmark", ())
    return marks if isinstance(marks, list | tuple) else (marks,)


def _read(lab: Lab, file: Path, module: ModuleType, function: Callable[..., Any]) -> Check:
    marks = {mark.name: mark.args for each in (module, function) for mark in _marks(each)}
    where = f"{file}: {function.__name__}"
    if not marks.get("step"):
        raise CourseError(f"{where} names no step", cure="mark it with @pytest.mark.step(1)")
    if list(inspect.signature(function).parameters) != ["judge"]:
        raise CourseError(f"{where} must take `judge` and nothing else", cure="loop inside the check instead")
    step = lab.step(str(marks["step"][0]))
    testbeds = tuple(marks.get("testbeds", step.testbeds))
    if unknown := set(testbeds) - set(TESTBEDS):
        raise CourseError(f"{where} names the testbed {unknown.pop()!r}", cure=f"there are {', '.join(TESTBEDS)}")
    exact = "exact" in marks
    return Check(
        name=function.__name__,
        step=step.id,
        function=function,
        sentence=_sentence(function),
        testbeds=("sim",) if exact else testbeds,
        seeds=marks["seeds"][0] if marks.get("seeds") else None,
        exact=exact,
        hint=marks["hint"][0] if marks.get("hint") else "",
        file=file,
    )


def _sentence(function: Callable[..., Any]) -> str:
    first = (inspect.getdoc(function) or "").partition("\n")[0].strip()
    return first or function.__name__.removeprefix("test_").replace("_", " ")
