"""The generations so far, the oldest first: what each plays, what carries its messages, and what it has against faults.

To add one, add an entry to `KNOWN`: its application's files, whether its hosts have TCP/IP, which of its frames carry a
message, its means against faults with the level at which each stands, and a function of `evidence` that counts them.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from labs.course import CHECKOUT, Course
from labs.generations import evidence
from labs.grading.edition import SEAL
from labs.grading.reference import copy_files, lay_out
from labs.lab01_wire import kinds as wire
from labs.lab03_flow import kinds as flow
from labs.lab03_flow.scenes import terms
from labs.lab04_stack.scenes import PORT
from labs.story.ledger import Counted, counted, logical_lines
from labs.story.trace import Trace
from labs.workspace import folder_of, home

SEALED = SEAL.splitlines()[0]
PROGRAMS = Path(__file__).parent / "programs"
LEVELS = ("host", "application")
"""Where something against a fault may stand, the lowest first. Library, sidecar and mesh will stand between these."""


@dataclass(frozen=True, slots=True)
class Means:
    """Something that a generation has against faults: its `name` in words, and the level where it stands.

    `key` is what it is counted by. One that gives people no answer, but spares them the wait for none, does not
    `answer`.
    """

    key: str
    name: str
    level: str
    answers: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One generation of networking.

    Its application is that of the lab with the number `lab`, or lies in `folder`; `inside` are then those files, of the
    folder or from the clone's root, that are its networking, as the ledger counts it. `means` stand in the order in
    which they act, the lowest first: what one of them has mended, those after it never see. `needs` names modules that
    its programs import, each with the group of packages that brings it.
    """

    name: str
    title: str
    lab: str = ""
    folder: Path | None = None
    inside: tuple[str, ...] = ()
    bare: bool = False
    arguments: Callable[[str], Mapping[str, Any]] = field(default=lambda host: {})
    is_message: Callable[[bytes], bool]
    means: tuple[Means, ...]
    acted: Callable[[Trace], Counter[str]]
    needs: Mapping[str, str] = field(default_factory=dict)

    @property
    def lacks(self) -> set[str]:
        """The groups of packages that would have to be installed."""
        return {group for module, group in self.needs.items() if find_spec(module) is None}

    def lay_out(self, course: Course, target: Path, *, mine: bool = False) -> Path:
        """Make `target` a folder that holds the application. Returns it.

        With `mine` a student's own files of a lab take the place of ours.
        """
        if self.folder is not None:
            copy_files(self.folder, target)
            shutil.copy(CHECKOUT / "labs/lab00_machine/starter/business.py", target)
            return target
        lab = course.lab(self.lab)
        if mine:
            target.mkdir()
            for file in folder_of(lab).glob("*.py"):
                shutil.copy(file, target)
        else:
            lay_out(course, lab, target)
        copy_files(lab.folder / "given", target)  # looked up before the student's own, as ever
        return target


def lines_inside(course: Course, generation: Generation, *, mine: bool = False) -> int | None:
    """Lines of networking inside the application, as the ledger counts them; raises `LedgerError`.

    None in a student's edition, where some of what would have to be counted is sealed.
    """
    first = next(iter(course.labs()))
    zero = _inside(counted(first, None if first.has_reference else home()))
    if generation.folder is None:
        return _inside(counted(course.lab(generation.lab), home() if mine else None)) - zero
    places = ((generation.folder / name, CHECKOUT / name) for name in generation.inside)
    texts = [(own if own.is_file() else ours).read_text(encoding="utf-8") for own, ours in places]
    sealed = any(text.startswith(SEALED) for text in texts)
    return None if sealed else sum(map(logical_lines, texts)) - zero


def _inside(files: Iterable[Counted]) -> int:
    return sum(each.lines for each in files if each.inside)


def _where_players_is(host: str) -> Mapping[str, Any]:
    return {"players": "b", "port": PORT}


def _few_at_a_time(host: str) -> Mapping[str, Any]:
    return terms(host, capacity=4)


def _is_call(frame: bytes) -> bool:
    return wire.classify(frame) in ("ask", "answer")


def _is_data(frame: bytes) -> bool:
    return flow.classify(frame) == "data"


def _has_bytes(frame: bytes) -> bool:
    segment = evidence.Segment.of(frame)
    return segment is not None and bool(segment.payload)


BY_TCP = (
    Means("addresses", "ARP", "host"),
    Means("checksum", "checksum", "host"),
    Means("numbers", "order", "host"),
    Means("window", "window", "host"),
    Means("repeats", "sent again", "host"),
)

KNOWN = (
    Generation(
        name="raw",
        title="raw link",
        lab="1",
        bare=True,
        is_message=_is_call,
        means=(
            Means("search", "search", "application"),
            Means("conversations", "conversation", "application"),
        ),
        acted=evidence.of_wire,
    ),
    Generation(
        name="flow",
        title="flow control",
        lab="3",
        bare=True,
        arguments=_few_at_a_time,
        is_message=_is_data,
        means=(
            Means("numbers", "order", "application"),
            Means("credit", "credit", "application"),
            Means("repeats", "sent again", "application"),
        ),
        acted=evidence.of_flow,
    ),
    Generation(
        name="tcp",
        title="TCP",
        lab="4",
        arguments=_where_players_is,
        is_message=_has_bytes,
        means=BY_TCP,
        acted=evidence.of_tcp,
    ),
    Generation(
        name="layers",
        title="layers",
        folder=PROGRAMS / "layers",
        inside=(
            "teams.py",
            "players.py",
            "mesh/policies/budget.py",
            "mesh/policies/breaker.py",
            "mesh/layers/retries.py",
            "mesh/layers/breaking.py",
            "mesh/layers/deadlines.py",
        ),
        arguments=_where_players_is,
        is_message=_has_bytes,
        means=(
            *BY_TCP,
            Means("tries", "retry", "application"),
            Means("breaker", "breaker", "application", answers=False),
        ),
        acted=evidence.of_layers,
        needs={"httptools": "mesh"},
    ),
)
