"""A student's edition: a copy of the course without its answers.

Left out are the references and all that gives them away, other right answers, mutants, and the tests, which use them.
What the mutants know stays as `hints.toml`, which holds no code. Nothing that is left may need what is gone.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from labs.course import CHECKOUT, Course, CourseError, Lab, hidden_closure, imported_modules, module_name
from labs.grading.hints import HINTS, write_hints

_FOLDERS = ("tests", "bench")  # of the checkout
_LAB_FOLDERS = ("right", "wrong", "held", "reference")  # of each lab
_PASSED_BY = {".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}


def release(course: Course, target: Path) -> list[str]:
    """Make a student's edition in the new folder `target`; return the files that were left out."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CourseError(f"{target} is there already", cure="name a new folder")
    if target.resolve().is_relative_to(CHECKOUT):
        raise CourseError(f"{target} lies inside the course itself", cure="name a folder elsewhere")
    known = list(course.labs())
    files = list(_files())
    answers, folders = _answers(known)
    kept = [file for file in files if file not in answers and not file.startswith(folders)]
    _refuse_dependants(kept, answers)
    for file in kept:
        _copy(CHECKOUT / file, target / file)
    for lab in known:
        write_hints(lab, target / lab.folder.relative_to(CHECKOUT) / HINTS)
    return sorted(set(files) - set(kept))


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


def _refuse_dependants(kept: Sequence[str], answers: set[str]) -> None:
    """Raise `CourseError` when a file that stays imports one that goes."""
    gone = set(map(module_name, answers))
    needing = [
        file
        for file in kept
        if file.endswith(".py") and "/starter/" not in file and imported_modules(CHECKOUT / file) & gone
    ]
    if needing:
        raise CourseError(
            f"answers are imported by {', '.join(needing)}", cure="they must do without, or be answers too"
        )


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
