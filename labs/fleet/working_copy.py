"""The working copy: the sources of the fleet as they are at the moment, the library's releases, and what was edited.

A service says in its `requirements.txt` which release it runs with. An upgrade edits files here, by patches as people
would make them, and what it has touched is found by comparing with what was laid out.
"""

import difflib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labs.fleet.catalogue import HERE
from labs.grading.reference import copy_files, read_patches
from labs.story.ledger import BUSINESS, logical_lines

LIBRARY = "courier.py"
REQUIREMENTS = "requirements.txt"


@dataclass(frozen=True, slots=True)
class Counted:
    """Lines of one service: of business, and of everything that wires it to the rest."""

    business: int
    glue: int


@dataclass(frozen=True, slots=True)
class Touched:
    """A file that is not as it was laid out, and how many lines were taken out and put in."""

    service: str
    file: str
    lines: int


@dataclass(slots=True)
class WorkingCopy:
    """The fleet's sources in `folder`. `edits` counts how often a file was edited, be it the same one."""

    folder: Path
    edits: int = 0

    @classmethod
    def lay_out(cls, folder: Path) -> "WorkingCopy":
        """Copy all services and all releases of the library into the empty `folder`."""
        copy = cls(folder)
        copy_files(HERE / "services", folder / "services")
        copy_files(HERE / "ruby", folder / "ruby")
        (folder / "logs").mkdir()
        patches = {patch.name: patch for patch in read_patches(HERE / "library")}
        for release in ("1", *patches):
            target = copy.library(release)
            target.mkdir(parents=True)
            shutil.copyfile(HERE / "library" / LIBRARY, target / LIBRARY)
            if release in patches:
                patches[release].apply(target)
        return copy

    def service(self, name: str) -> Path:
        """Where a service's sources lie."""
        return self.folder / "services" / name

    def library(self, release: str) -> Path:
        """Where a release of the library lies."""
        return self.folder / "library" / release

    def release_of(self, name: str) -> str:
        """Which release a service is to run with."""
        return (self.service(name) / REQUIREMENTS).read_text(encoding="ascii").strip().removeprefix("courier==")

    def require(self, name: str, release: str) -> None:
        """Edit a service's requirements."""
        (self.service(name) / REQUIREMENTS).write_text(f"courier=={release}\n", encoding="ascii")
        self.edits += 1

    def adapt(self, name: str) -> None:
        """Edit a service's code for release 2; there are services that need no edit."""
        for patch in read_patches(HERE / "upgrade"):
            if patch.name == name:
                patch.apply(self.service(name))
                self.edits += len(patch.files)

    def count(self, name: str) -> Counted:
        """Logical lines of a service: `business.py`, and everything else."""
        lines = {path.name: _lines(path) for path in self.service(name).iterdir() if path.is_file()}
        business = lines.pop(BUSINESS)
        return Counted(business, sum(lines.values()))

    def touched(self, name: str) -> Iterator[Touched]:
        """The files of a service that have been edited since they were laid out."""
        for before in sorted((HERE / "services" / name).iterdir()):
            if before.is_file() and (lines := _changed(before, self.service(name) / before.name)):
                yield Touched(name, before.name, lines)


def _lines(path: Path) -> int:
    text = path.read_text(encoding="utf-8")
    return logical_lines(text) if path.suffix == ".py" else sum(bool(line.strip()) for line in text.splitlines())


def _changed(before: Path, after: Path) -> int:
    one, other = (path.read_text(encoding="utf-8").splitlines() for path in (before, after))
    compared = difflib.ndiff(one, other)
    return sum(line.startswith(("- ", "+ ")) for line in compared)
