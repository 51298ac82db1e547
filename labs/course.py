"""The course as data: which labs there are, and what each asks, read from `course.toml` and each lab's `lab.toml`.

A lab is a folder `labs/labNN_name` with a `lab.toml`; the number and the name come from the folder. `course.toml` lists
all labs with their weights, those to come too. What is read here is valid: anything else raises `CourseError`, which
names the file, the key, and what to write instead.
"""

import ast
import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import labs

T = TypeVar("T")

CHECKOUT = Path(labs.__file__).resolve().parent.parent
PACKAGES = ("netstack", "mesh")
ANSWERS = "answers.toml"
TESTBEDS = ("sim", "mininet")
CORE_POINTS = 100
MOST_ON_MININET = 20

_FOLDER = re.compile(r"lab(\d\d)([a-z]?)_([a-z0-9_]+)")


class CourseError(Exception):
    """A description of a lab that cannot be used, or a lab that does not exist; `cure` is what would help."""

    def __init__(self, message: str, *, cure: str = "") -> None:
        super().__init__(message)
        self.message, self.cure = message, cure


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
    table = _Table(folder / "course.toml", "", _load(folder / "course.toml"))
    entries = tuple(_entry(each, places) for each in table.tables("lab"))
    table.done()
    known = {entry.number for entry in entries}
    for number, place in places.items():
        if number not in known and (place / "lab.toml").exists():
            raise CourseError(
                f"{table.file}: lab {number} ({place.name}) is not listed", cure="add a [[lab]] with its weight"
            )
    return Course(folder, entries)


def _entry(table: "_Table", places: Mapping[str, Path]) -> Entry:
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
    whole = _Table(folder / "lab.toml", "", _load(folder / "lab.toml"))
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


def _step(table: "_Table") -> Step:
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


def _examine(lab: Lab, table: "_Table") -> None:
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


def hidden_closure(reference: Sequence[str]) -> tuple[str, ...]:
    """The files of our packages that give away `reference`: these, and all that import them, directly or not.

    A reference that lies elsewhere is not among them: nothing but our packages is laid before a program.
    """
    imports = {path.relative_to(CHECKOUT).as_posix(): imported_modules(path) for path in _sources()}
    hidden = set(reference) & imports.keys()
    while grown := {
        file for file, names in imports.items() if file not in hidden and names & set(map(module_name, hidden))
    }:
        hidden |= grown
    return tuple(sorted(hidden))


def _sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((CHECKOUT / package).rglob("*.py"))


def module_name(file: str) -> str:
    """`netstack/link/tap.py` is the module `netstack.link.tap`."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported_modules(path: Path) -> set[str]:
    """Every dotted name that the file `path` imports; `from a import b` gives `a` and `a.b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(
            f"{path} does not exist", cure="a course has one course.toml, each lab one lab.toml"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{path}: {error}", cure="mend the file: it must be TOML in UTF-8") from None


@dataclass(slots=True)
class _Table:
    """A table of a TOML file, read key by key; `where` says which one it is. Keys that nobody asked for are errors."""

    file: Path
    where: str
    values: Mapping[str, Any]
    _asked: set[str] = field(default_factory=set)

    def value(self, key: str, kind: type[T], default: T | None = None) -> T:
        """The value of `key`, which must be of `kind`; without a default it must be there."""
        self._asked.add(key)
        if key not in self.values:
            if default is None:
                raise self.error(key, "is missing", f"add {key} = {_EXAMPLES[kind]}")
            return default
        found = self.values[key]
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            raise self.error(key, f"is {found!r}", f"write {_KINDS[kind]}, as in {key} = {_EXAMPLES[kind]}")
        return found

    def text(self, key: str) -> str:
        return self.value(key, str)

    def whole(self, key: str) -> int:
        number = self.value(key, int)
        if number < 0:
            raise self.error(key, f"is {number}", "it cannot be less than 0")
        return number

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        found = self.value(key, list, None if default is None else list(default))
        if not all(isinstance(each, str) for each in found):
            raise self.error(key, f"is {found!r}", f"write a list of texts, as in {key} = {_EXAMPLES[list]}")
        return tuple(found)

    def choice(self, key: str, choices: Sequence[str]) -> str:
        found = self.text(key)
        if found not in choices:
            raise self.error(key, f"is {found!r}", f"write one of {', '.join(choices)}")
        return found

    def table(self, key: str) -> "_Table":
        return _Table(self.file, f"[{key}]", self.value(key, dict))

    def tables(self, key: str) -> list["_Table"]:
        found = self.value(key, list)
        if not found or not all(isinstance(each, dict) for each in found):
            raise self.error(key, "is not a list of tables", f"write each as a table that begins with [[{key}]]")
        return [_Table(self.file, f"[[{key}]] number {number}", each) for number, each in enumerate(found, 1)]

    def done(self) -> None:
        """All keys have been asked for; any other is a slip of the pen."""
        for key in self.values.keys() - self._asked:
            near = difflib.get_close_matches(key, self._asked, n=1)
            raise self.error(key, "is unknown", f"did you mean {near[0]}?" if near else "remove it")

    def error(self, key: str, what: str, cure: str) -> CourseError:
        return CourseError(f"{self.file}: {self.where + ': ' if self.where else ''}{key} {what}", cure=cure)


_KINDS: dict[type, str] = {str: "a text", int: "a whole number", bool: "true or false", list: "a list", dict: "a table"}
_EXAMPLES: dict[type, str] = {str: '"…"', int: "10", bool: "true", list: '["…"]', dict: "{ … }"}
