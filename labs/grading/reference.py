"""Submissions that we make ourselves, as a student's folder: the reference, other right answers, and mutants."""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from labs.course import CHECKOUT, Course, CourseError, Lab
from labs.testbed.judge import Fingerprint

BROUGHT = "carried.sha256"
"""What a student's folder holds of earlier labs, each file with its SHA-256."""

_CHANGED = re.compile(r"^(?:--- a|\+\+\+ b)/(.*\S)", re.MULTILINE)
_HEADER = re.compile(r"#\s*([a-z-]+):\s*(.*\S)\s*")


def lay_out(course: Course, lab: Lab, target: Path) -> Path:
    """Make `target` a submission that holds the reference: the starter, overlaid with the answers. Returns it."""
    _need_reference(lab)
    copy_files(lab.folder / "starter", target)
    bring(target, {name: source.read_bytes() for name, source in taken(course, lab).items()})
    for name, source in lab.reference.items():
        _copy(CHECKOUT / source, target / name)
    return target


def earlier_labs(course: Course, lab: Lab) -> list[Lab]:
    """The labs before `lab`, in order."""
    found = []
    for each in course.labs():
        if each.number == lab.number:
            break
        found.append(each)
    return found


def taken(course: Course, lab: Lab) -> dict[str, Path]:
    """The files that `lab` takes over from earlier labs, and where ours lie."""
    earlier = earlier_labs(course, lab)
    return {name: CHECKOUT / each.reference[name] for each in earlier for name in each.carried if name in lab.takes}


def bring(folder: Path, files: Mapping[str, bytes]) -> None:
    """Lay files of earlier labs into a student's folder, with their SHA-256 as `sha256sum --check` reads them."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    if files:
        lines = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
        (folder / BROUGHT).write_text("".join(lines), encoding="ascii")


def copy_files(source: Path, target: Path) -> None:
    """Copy what lies in `source` over `target`; no compiled Python."""
    target.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _need_reference(lab: Lab) -> None:
    if not lab.has_reference:
        raise CourseError(
            f"the answers of lab {lab.number} are not in this copy of the course",
            cure="this is a student's edition; the whole course has them",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A wrong answer as a patch against the reference's deliverables, with what its header declares."""

    file: Path
    declared: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        return self.file.stem

    def all(self, key: str) -> tuple[str, ...]:
        """Every value that the header gives for `key`."""
        return tuple(value for name, value in self.declared if name == key)

    def one(self, key: str) -> str:
        """The only value for `key`; raises `CourseError`."""
        values = self.all(key)
        if len(values) != 1:
            raise CourseError(f"{self.file} declares {key!r} {len(values)} times", cure=f"write one line `# {key}: …`")
        return values[0]

    @property
    def files(self) -> frozenset[str]:
        """The files that it changes."""
        return frozenset(_CHANGED.findall(self.file.read_text(encoding="utf-8")))

    def apply(self, target: Path) -> None:
        """Apply it to the submission in `target`; raises `CourseError` when it no longer applies."""
        command = ["git", "apply", "--whitespace=nowarn", str(self.file.resolve())]
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "GIT_CEILING_DIRECTORIES": str(target.parent),
            "LC_ALL": "C",
        }
        done = subprocess.run(
            command, check=False, cwd=target, capture_output=True, text=True, timeout=30, env=environment
        )
        if done.returncode:
            raise CourseError(
                f"{self.file} no longer applies to the reference: {done.stderr.strip()}", cure="make the patch anew"
            )


def read_patches(folder: Path) -> list[Patch]:
    """The patches in `folder`, by name; none when there is no such folder."""
    return [_read_patch(file) for file in sorted(folder.glob("*.patch"))]


def _read_patch(file: Path) -> Patch:
    declared = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith(("---", "diff ")):
            break
        if match := _HEADER.fullmatch(line):
            declared.append((match[1], match[2]))
    return Patch(file=file, declared=tuple(declared))


def in_words(fingerprint: Fingerprint) -> str:
    """A fingerprint as a patch's header writes it: `expectation | kind last hit or - | bit or idle`."""
    return f"{fingerprint.expectation} | {fingerprint.last_hit or '-'} | {'bit' if fingerprint.bit else 'idle'}"


def right_answers(lab: Lab) -> Iterable[Path]:
    """The folders that hold right answers other than the reference."""
    return sorted(path for path in (lab.folder / "right").glob("*") if path.is_dir())
