"""The course as data: which labs there are, and what each asks, read from `course.toml` and each lab's `lab.toml`.

A lab is a folder `labs/labNN_name` with a `lab.toml`; the number and the name come from the folder. `course.toml` lists
all labs with their weights, those to come too. What is read here is valid: anything else raises `CourseError`, which
names the file, the key, and what to write instead.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import labs
from labs.imports import CHECKOUT as CHECKOUT
from labs.table import CourseError as CourseError
from labs.table import Table, load

ANSWERS = "answers.toml"
TESTBEDS = ("sim", "mininet")
CORE_POINTS = 100
MOST_ON_MININET = 20

_FOLDER = re.compile(r"lab(\d\d)([a-z]?)_([a-z0-9_]+)")


class Kind(StrEnum):
    """What a step asks for: code, a prediction, or a diagnosis."""

    BUILD = "build"
    PREDICT = "predict"
    DIAGNOSE = "diagnose"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a lab. `deliverable` is the file that it asks for, "" where it asks for none of its own.

    `testbeds` are those it can be judged on, best first; `hints` go from a nudge to the place. `needs` names modules
    that no other step imports, each with the group of packages that brings it.
    """

    id: str
    title: str
    kind: Kind
    points: int
    deliverable: str
    minutes: int
    testbeds: tuple[str, ...]
    lines: str
    elective: bool
    hints: tuple[str, ...]
    needs: Mapping[str, str] = field(default_factory=dict)

    @property
    def lacks(self) -> dict[str, str]:
        """Those of `needs` that are not installed."""
        return {module: group for module, group in self.needs.items() if find_spec(module) is None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """One lab. `reference` maps each deliverable to the file of this project that answers it.

    `hidden` are the files that a submission's programs must not see: the reference, and whatever imports it. The ledger
    counts the files of the `application`, and those `below` it.
    `application` and `below` are for the ledger: the files of the application, and those that carry it.
    `played` are deliverables by playing ours of which questions are answered.
    `carried` are files that later labs may take over, `takes` those that this one takes over from earlier ones.
    """

    number: str
    name: str
    folder: Path
    title: str
    act: int
    figure: str
    core_minutes: int
    objectives: tuple[str, ...]
    prerequisites: tuple[str, ...]
    reference: Mapping[str, str]
    hidden: tuple[str, ...]
    carried: tuple[str, ...]
    played: tuple[str, ...]
    takes: tuple[str, ...]
    application: tuple[str, ...]
    below: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def package(self) -> str:
        """The name under which the lab's modules are imported."""
        return f"labs.{self.folder.name}"

    @property
    def points(self) -> int:
        """What all core steps together are worth."""
        return sum(step.points for step in self.steps if not step.elective)

    @property
    def deliverables(self) -> tuple[str, ...]:
        """The files that a submission consists of, each once, in the order of the steps."""
        return tuple(dict.fromkeys(step.deliverable for step in self.steps if step.deliverable))

    @property
    def has_reference(self) -> bool:
        """Whether all answers are in this copy of the course, be they sealed; in a student's edition few labs' are."""
        return all((CHECKOUT / source).is_file() for source in self.reference.values())

    def step(self, wanted: str) -> Step:
        """The step called `wanted`; raises `CourseError`."""
        for step in self.steps:
            if step.id == wanted:
                return step
        known = ", ".join(step.id for step in self.steps)
        raise CourseError(f"lab {self.number} has no step {wanted!r}", cure=f"its steps are {known}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of `course.toml`: a lab that exists (`folder` is its place) or is to come (`folder` is None)."""

    number: str
    name: str
    title: str
    act: int
    weight: int
    elective: bool
    folder: Path | None


@dataclass(frozen=True, slots=True)
class Course:
    """All labs, in order. `folder` is where they lie."""

    folder: Path
    entries: tuple[Entry, ...]

    def labs(self) -> Iterator[Lab]:
        """The labs that exist, in order."""
        for entry in self.entries:
            if entry.folder is not None:
                yield read_lab(entry.folder)

    def lab(self, wanted: str) -> Lab:
        """The lab with that number or name (`1`, `01`, `wire`, `lab01_wire`); raises `CourseError`."""
        entry = self._entry(wanted.strip().lower())
        if entry.folder is None:
            ready = ", ".join(each.number for each in self.entries if each.folder)
            raise CourseError(
                f"lab {entry.number} ({entry.title}) is still to come", cure=f"labs that are here: {ready or 'none'}"
            )
        return read_lab(entry.folder)

    def need_answers(self, what: str) -> None:
        """Raise `CourseError` in a student's edition, where there are no answers for `what` to play."""
        if not all(lab.has_reference for lab in self.labs()):
            raise CourseError(
                f"{what} plays the course's own answers, which are not in this student's edition",
                cure="whoever teaches the course can show it; ./lab start 0 begins the first lab",
            )

    def _entry(self, wanted: str) -> Entry:
        names: dict[str, Entry] = {}
        for entry in self.entries:
            padded = re.sub(r"^\d+", lambda digits: digits[0].zfill(2), entry.number)
            spellings = (entry.number, padded, entry.name, f"lab{padded}", f"lab{padded}_{entry.name}")
            names |= dict.fromkeys((*spellings, entry.title.lower()), entry)
        if wanted in names:
            return names[wanted]
        near = list(dict.fromkeys(names[name].number for name in difflib.get_close_matches(wanted, names, n=4)))
        meant = " or ".join(f"{names[number].number} ({names[number].name})" for number in near)
        raise CourseError(
            f"there is no lab {wanted!a}", cure=f"did you mean {meant}?" if near else "./lab list shows them all"
        )


def open_course(folder: Path | None = None) -> Course:
    """Read the course in `folder`: by default `$DOWNSTACK_LABS`, else this checkout's. Raises `CourseError`."""
    folder = (folder or Path(os.environ.get("DOWNSTACK_LABS") or CHECKOUT / "labs")).resolve()
    if str(folder) not in labs.__path__:
        labs.__path__.append(str(folder))  # so that its labs are importable as labs.labNN_name
    places = {_number(match): path for path in sorted(folder.glob("lab*/")) if (match := _FOLDER.fullmatch(path.name))}
    table = Table(folder / "course.toml", "", load(folder / "course.toml"))
    entries = tuple(_entry(each, places) for each in table.tables("lab"))
    table.done()
    known = {entry.number for entry in entries}
    for number, place in places.items():
        if number not in known and (place / "lab.toml").exists():
            raise CourseError(
                f"{table.file}: lab {number} ({place.name}) is not listed", cure="add a [[lab]] with its weight"
            )
    return Course(folder, entries)


def _entry(table: Table, places: Mapping[str, Path]) -> Entry:
    number = table.text("number")
    place = places.get(number)
    entry = Entry(
        number=number,
        name=table.text("name"),
        title=table.text("title"),
        act=table.whole("act"),
        weight=table.whole("weight"),
        elective=table.value("elective", bool, False),
        folder=place if place is not None and (place / "lab.toml").exists() else None,
    )
    table.done()
    return entry


def _number(match: re.Match[str]) -> str:
    return f"{int(match[1])}{match[2]}"


@cache
def read_lab(folder: Path) -> Lab:
    """Read the lab in `folder`; raises `CourseError`."""
    match = _FOLDER.fullmatch(folder.name)
    if match is None:
        raise CourseError(f"{folder} is not a lab's folder", cure="a lab's folder is called labNN_name")
    whole = Table(folder / "lab.toml", "", load(folder / "lab.toml"))
    table = whole.table("lab")
    reference = table.value("reference", dict, {})
    lab = Lab(
        number=_number(match),
        name=match[3],
        folder=folder,
        title=table.text("title"),
        act=table.whole("act"),
        figure=table.value("figure", str, ""),
        core_minutes=table.whole("core_minutes"),
        objectives=table.texts("objectives"),
        prerequisites=tuple(map(str, table.value("prerequisites", list, []))),
        reference={str(name): str(source) for name, source in reference.items()},
        hidden=table.texts("hidden", ()),
        carried=table.texts("carried", ()),
        played=table.texts("played", ()),
        takes=table.texts("takes", ()),
        application=table.texts("application", ()),
        below=table.texts("below", ()),
        steps=tuple(_step(each) for each in whole.tables("step")),
    )
    table.done()
    whole.done()
    _examine(lab, whole)
    return lab


def _step(table: Table) -> Step:
    kind = table.choice("kind", [each.value for each in Kind])
    step = Step(
        id=table.text("id"),
        title=table.text("title"),
        kind=Kind(kind),
        points=table.whole("points"),
        deliverable=table.value("deliverable", str, "" if kind == Kind.BUILD else ANSWERS),
        minutes=table.whole("minutes"),
        testbeds=table.texts("testbeds", ("sim",)),
        lines=table.value("lines", str, ""),
        elective=table.value("elective", bool, False),
        hints=table.texts("hints", ()),
        needs={str(module): str(group) for module, group in table.value("needs", dict, {}).items()},
    )
    for testbed in step.testbeds:
        if testbed not in TESTBEDS:
            raise table.error("testbeds", f"names {testbed!r}", f"the testbeds are {', '.join(TESTBEDS)}")
    if not re.fullmatch(r"[0-9a-z]+", step.id):
        raise table.error("id", f"is {step.id!r}", "an id is made of digits and small letters")
    table.done()
    return step


def _examine(lab: Lab, table: Table) -> None:
    """What must hold between the parts of a lab."""
    ids = [step.id for step in lab.steps]
    if len(set(ids)) != len(ids):
        raise table.error("step", "has an id twice", "give each step an id of its own")
    if lab.points != CORE_POINTS:
        raise table.error("step", f"adds up to {lab.points} points", f"core steps are worth {CORE_POINTS} together")
    for name in lab.played:
        if name not in lab.reference:
            raise table.error("played", f"names {name!r}", f"the reference has {', '.join(lab.reference) or 'nothing'}")
    only_mininet = sum(step.points for step in lab.steps if "sim" not in step.testbeds and not step.elective)
    if only_mininet > MOST_ON_MININET:
        raise table.error(
            "step", f"has {only_mininet} points on mininet alone", f"at most {MOST_ON_MININET}, for not all have it"
        )
