"""A student's edition: a copy of the course without its answers.

Left out are the references and all that gives them away, other right answers, mutants, and the tests. What mutants know
stays as `hints.toml`, which holds no code.

Some checks play the other end of a link themselves, with the very reference, and whoever leaves out a lab takes ours
into a later one (`lab start N --given`). There that file stays, *sealed*: compressed, so that nobody reads it by
accident. That is no secret; a grade comes from the whole course's copy and its
hidden seeds. Programs under judgement do not see sealed files either.
"""

import base64
import os
import shutil
import subprocess
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from labs.course import CHECKOUT, Course, CourseError, Lab
from labs.grading.hints import HINTS, write_hints
from labs.grading.reference import taken
from labs.imports import hidden_closure, imported_modules, module_name

_FOLDERS = ("tests", "bench")  # of the checkout
_LAB_FOLDERS = ("right", "wrong", "held", "reference")  # of each lab
_PASSED_BY = {".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}


SEAL = '''"""Sealed: the judge's own copy of an answer, which programs under judgement do not see."""

import base64
import zlib

exec(compile(zlib.decompress(base64.b85decode({packed!r})), __file__, "exec"))
'''


@dataclass(frozen=True, slots=True)
class Released:
    """What became of the files that give answers away."""

    left_out: tuple[str, ...]
    sealed: tuple[str, ...]


def release(course: Course, target: Path) -> Released:
    """Make a student's edition in the new folder `target`."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CourseError(f"{target} is there already", cure="name a new folder")
    if target.resolve().is_relative_to(CHECKOUT):
        raise CourseError(f"{target} lies inside the course itself", cure="name a folder elsewhere")
    known = list(course.labs())
    files = list(_files())
    answers, folders = _answers(known)
    kept = [file for file in files if file not in answers and not file.startswith(folders)]
    sealed = tuple(sorted({*_needed(kept, answers), *_played(known), *_taken(course, known)}))
    for file in kept:
        _copy(CHECKOUT / file, target / file)
    for file in sealed:
        _seal(CHECKOUT / file, target / file)
    for lab in known:
        if (folder := target / lab.folder.relative_to(CHECKOUT)).is_dir():
            write_hints(lab, folder / HINTS)
    return Released(tuple(sorted(set(files) - set(kept) - set(sealed))), sealed)


def _files() -> Iterator[str]:
    """The checkout's files: those that git knows, or where there is no git, all."""
    command = ["git", "-C", str(CHECKOUT), "ls-files", "-z"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        listed = done.stdout.decode().split("\0") if done.returncode == 0 else []
    except FileNotFoundError:
        listed = []
    if any(listed):
        yield from (name for name in listed if name and (CHECKOUT / name).is_file())
        return
    for folder, folders, names in os.walk(CHECKOUT):
        folders[:] = [each for each in folders if each not in _PASSED_BY]
        yield from (Path(folder, name).relative_to(CHECKOUT).as_posix() for name in names)


def _answers(known: Sequence[Lab]) -> tuple[set[str], tuple[str, ...]]:
    """What gives answers away: files, and the beginnings of paths."""
    sources = [source for lab in known for source in lab.reference.values()]
    inside = [f"{lab.folder.relative_to(CHECKOUT).as_posix()}/{folder}/" for lab in known for folder in _LAB_FOLDERS]
    return {*sources, *hidden_closure(sources)}, (*inside, *(f"{folder}/" for folder in _FOLDERS))


def _needed(kept: Iterable[str], answers: set[str]) -> tuple[str, ...]:
    """The answers that the files `kept` import, and those that these import in turn."""
    by_module = {module_name(file): file for file in answers}
    needed: set[str] = set()
    looked_at = [file for file in kept if file.endswith(".py") and "/starter/" not in file]
    while looked_at:
        found = {by_module[name] for file in looked_at for name in imported_modules(CHECKOUT / file) & by_module.keys()}
        looked_at = sorted(found - needed)
        needed |= found
    return tuple(sorted(needed))


def _taken(course: Course, known: Sequence[Lab]) -> set[str]:
    """The answers that a student may begin a later lab with: `lab start N --given`."""
    return {path.relative_to(CHECKOUT).as_posix() for lab in known for path in taken(course, lab).values()}


def _played(known: Iterable[Lab]) -> set[str]:
    """The answers by playing which questions are answered."""
    return {lab.reference[name] for lab in known for name in lab.played}


def _seal(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    packed = base64.b85encode(zlib.compress(source.read_bytes(), 9)).decode("ascii")
    target.write_text(SEAL.format(packed=packed), encoding="ascii")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
