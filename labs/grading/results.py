"""Results as others read them: Gradescope's `results.json`, JUnit, and our own JSON (docs/json.md).

A result exists from the first moment: every step stands in it as not yet judged, and is replaced as verdicts come. So
whatever happens to the grader, there is a file that says how far it came. Steps that were not judged keep their
`max_score`, with score 0 and the reason: leaving them out would raise the percentage.
"""

import json
import platform
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import labs
from labs.course import Lab, Step
from labs.grading.examination import VISIBLE, StepResult
from labs.story.escape import plain
from labs.testbed.judge import Verdict
from labs.testbed.sandbox import Level
from labs.workspace import write_atomically

NOT_YET = "not judged yet: the grader has not come this far"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What became of one step, in plain values; all text is safe to show."""

    step: str
    title: str
    kind: str
    points: int
    elective: bool
    verdict: Verdict = Verdict.NOT_RUN
    score: int = 0
    testbed: str = ""
    reason: str = NOT_YET
    text: str = ""
    check: str = ""
    expectation: str = ""
    seed: str = ""

    @classmethod
    def open(cls, step: Step) -> "Record":
        """The record of a step that has not been judged yet."""
        return cls(step=step.id, title=step.title, kind=step.kind.value, points=step.points, elective=step.elective)

    @classmethod
    def of(cls, result: StepResult, text: str = "") -> "Record":
        """The record of a result; `text` tells why it did not pass."""
        step, deciding = result.step, result.deciding
        outcome = deciding.outcome if deciding else None
        failed = result.verdict is not Verdict.PASS
        return cls(
            step=step.id,
            title=step.title,
            kind=step.kind.value,
            points=step.points,
            elective=step.elective,
            verdict=result.verdict,
            score=result.score,
            testbed=deciding.testbed if deciding else "",
            reason=plain(result.why or (outcome.broken.text if outcome and outcome.broken else "")),
            text=text,
            check=deciding.check.name if deciding and failed else "",
            expectation=plain(outcome.broken.identity) if outcome and outcome.broken else "",
            seed=f"{outcome.seed:x}" if outcome and failed else "",
        )


@dataclass(slots=True, kw_only=True)
class Result:
    """What became of one submission. `note` says what concerns it as a whole."""

    lab: Lab
    submission: str
    level: Level
    key: str = VISIBLE
    note: str = ""
    records: dict[str, Record] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.records = self.records or {step.id: Record.open(step) for step in self.lab.steps}

    def put(self, record: Record) -> None:
        self.records[record.step] = record

    def fail(self, step: str, reason: str) -> None:
        """The step that was being judged came to no end of its own."""
        if step in self.records and self.records[step].reason == NOT_YET:
            self.put(replace(self.records[step], verdict=Verdict.FAIL, reason=reason))

    def give_up(self, reason: str) -> None:
        """Nothing more will be judged, for this reason."""
        for record in list(self.records.values()):
            if record.reason == NOT_YET:
                self.put(replace(record, reason=plain(reason)))

    @property
    def score(self) -> int:
        return sum(record.score for record in self.records.values())

    @property
    def judged(self) -> int:
        """The points of the core steps that came to a verdict."""
        core = (each for each in self.records.values() if not each.elective)
        return sum(each.points for each in core if each.verdict is not Verdict.NOT_RUN)

    def summary(self) -> str:
        """`70 of 100`, and how many points could be graded here where that is less."""
        words = f"{self.score} of {self.lab.points}"
        return words if self.judged == self.lab.points else f"{words}; graded here: {self.judged} of {self.lab.points}"

    def versions(self) -> dict[str, str]:
        """What a result depends on."""
        return {
            "downstack": labs.__version__,
            "lab": self.lab.number,
            "python": platform.python_version(),
            "seeds": seed_set(self.key),
            "sandbox": f"{int(self.level)} ({self.level.name.lower().replace('_', ' ')})",
        }

    def as_json(self) -> dict[str, Any]:
        """Our own form; docs/json.md."""
        return {
            "lab": self.lab.number,
            "submission": self.submission,
            "score": self.score,
            "max_score": self.lab.points,
            "judged": self.judged,
            "note": self.note,
            "versions": self.versions(),
            "steps": [record_as_json(each) for each in self.records.values()],
        }

    def as_gradescope(self) -> dict[str, Any]:
        """Gradescope's `results.json`."""
        return {
            "output": "\n".join(filter(None, (self.note, f"Lab {self.lab.number}: {self.summary()}"))),
            "output_format": "text",
            "visibility": "visible",
            "stdout_visibility": "hidden",
            "tests": [_as_gradescope(each) for each in self.records.values()],
            "extra_data": self.versions(),
        }

    def as_junit(self) -> str:
        """JUnit XML, a test case a step."""
        records = list(self.records.values())
        suite = ElementTree.Element(
            "testsuite", name=f"lab {self.lab.number}: {self.submission}", tests=str(len(records))
        )
        for verdict, name in (
            (Verdict.FAIL, "failures"),
            (Verdict.INCONCLUSIVE, "errors"),
            (Verdict.NOT_RUN, "skipped"),
        ):
            suite.set(name, str(sum(each.verdict is verdict for each in records)))
        for record in records:
            case = ElementTree.SubElement(suite, "testcase", classname=f"lab{self.lab.number}", name=_name(record))
            if record.verdict in _JUNIT:
                told = ElementTree.SubElement(case, _JUNIT[record.verdict], message=record.reason)
                told.text = record.text
        return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"

    def write(self, folder: Path) -> None:
        """Write `results.json` and `junit.xml`, each whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        write_gradescope(folder / "results.json", self)
        write_atomically(folder / "junit.xml", self.as_junit())


_WORDS = {
    Verdict.PASS: "",
    Verdict.FAIL: "failed",
    Verdict.INCONCLUSIVE: "inconclusive: no points until the instructor has looked at it",
    Verdict.NOT_RUN: "not run",
}
_JUNIT = {Verdict.FAIL: "failure", Verdict.INCONCLUSIVE: "error", Verdict.NOT_RUN: "skipped"}


def write_gradescope(path: Path, result: Result) -> None:
    """Write Gradescope's file to `path`, whole or not at all."""
    write_atomically(path, json.dumps(result.as_gradescope(), indent=1) + "\n")


def seed_set(key: str) -> str:
    """What may be said of the seeds: a course's key itself is nobody's business."""
    return VISIBLE if key == VISIBLE else "hidden"


def _name(record: Record) -> str:
    return f"step {record.step}: {record.title}"


def _as_gradescope(record: Record) -> dict[str, Any]:
    said = record.text or record.reason
    return {
        "number": record.step,
        "name": _name(record),
        "score": record.score,
        "max_score": 0 if record.elective else record.points,
        "status": "passed" if record.verdict is Verdict.PASS else "failed",
        "output": "\n".join(filter(None, (_WORDS[record.verdict], said))),
        "output_format": "text",
        "visibility": "visible",
        "extra_data": {"verdict": record.verdict.value, "testbed": record.testbed},
    }


def record_as_json(record: Record) -> dict[str, Any]:
    """A step's record in our own JSON (docs/json.md)."""
    return {name: getattr(record, name) for name in Record.__dataclass_fields__} | {"verdict": record.verdict.value}


def step_as_json(result: StepResult, text: str = "") -> dict[str, Any]:
    """A step's result in our own JSON (docs/json.md)."""
    return record_as_json(Record.of(result, text))
