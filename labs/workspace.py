"""A student's folders: `~/downstack/labNN` for each lab begun, or below `$DOWNSTACK_HOME`.

Each is a private git repository, committed to after each check, so that no work is ever lost and the file that *passed*
can be told from the one that was edited since. Next to them lies `.downstack/`: the student's key, and the progress.
Nothing here writes over a student's file.
"""

import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labs.course import ANSWERS, CHECKOUT, Kind, Lab
from labs.grading.reference import bring, copy_files

IGNORED = "__pycache__/\n*.pyc\n"
_STUDENT = re.compile(r"[A-Za-z0-9._@-]{1,64}")


class WorkspaceError(Exception):
    """A student's folder is not as it must be; `cure` is what would help."""

    def __init__(self, message: str, *, cure: str = "") -> None:
        super().__init__(message)
        self.message, self.cure = message, cure


def home() -> Path:
    """The folder that holds all of a student's labs."""
    return Path(os.environ.get("DOWNSTACK_HOME") or Path.home() / "downstack").absolute()


def folder_of(lab: Lab) -> Path:
    """Where the student works on `lab`."""
    return home() / lab.folder.name.partition("_")[0]


def student_key(student: str = "") -> str:
    """The student's key, made at the first asking: `student` where keys are bound to names, else random."""
    path = home() / ".downstack" / "key"
    if student and not _STUDENT.fullmatch(student):
        raise WorkspaceError(f"{student!a} cannot be a key", cure="use letters, digits, and . _ @ -")
    if path.is_file():
        known = path.read_text(encoding="ascii").strip()
        if student not in ("", known):
            raise WorkspaceError(f"your key is {known} already", cure=f"delete {path} to choose another")
        return known
    path.parent.mkdir(parents=True, exist_ok=True)
    key = student or f"random-{secrets.token_hex(6)}"
    path.write_text(key + "\n", encoding="ascii")
    return key


@dataclass(frozen=True, slots=True)
class Carried:
    """A file that an earlier lab left for a later one. `origin` says where it comes from."""

    name: str
    content: bytes
    origin: str


def begin(lab: Lab, carried: Iterable[Carried], answers: str = "", given: Mapping[str, bytes] | None = None) -> Path:
    """Make the student's folder for `lab` in one stroke; raises `WorkspaceError` when it is there already.

    `answers` is the answers.toml to fill in; `given` are more files by their names, such as a trace to diagnose.
    """
    target = folder_of(lab)
    if target.is_symlink() or target.exists():
        raise WorkspaceError(
            f"{target} is there already, and is left as it is", cure=f"./lab start {lab.number} --again keeps it aside"
        )
    home().mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".start-", dir=home()))
    try:
        draft.chmod(0o755)
        copy_files(lab.folder / "starter", draft)
        bring(draft, {each.name: each.content for each in carried})
        if answers and not (draft / ANSWERS).exists():
            (draft / ANSWERS).write_text(answers, encoding="utf-8")
        for name, content in (given or {}).items():
            (draft / name).write_bytes(content)
        (draft / ".gitignore").write_text(IGNORED, encoding="ascii")
        _make_repository(draft, f"Lab {lab.number} as it was given")
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return target


def set_aside(lab: Lab) -> Path | None:
    """Move the student's folder for `lab` to a dated name beside it; returns that, or None when there is no folder."""
    target = folder_of(lab)
    if not target.exists():
        return None
    stem = f"{target.name}-until-{time.strftime('%Y-%m-%d-%H%M%S')}"
    names = [stem, *(f"{stem}-{number}" for number in range(2, 100))]
    aside = next(place for name in names if not (place := target.with_name(name)).exists())
    target.rename(aside)
    return aside


def carried_from(earlier: Lab, names: Iterable[str], progress: "Progress") -> Iterable[Carried]:
    """Files that `earlier` leaves to later labs, as they were when their step passed."""
    makers = {step.deliverable: step.id for step in earlier.steps}
    for name in names:
        commit = progress.commit_of(earlier, makers.get(name, ""))
        content = _git(folder_of(earlier), "show", f"{commit}:./{name}") if commit else None
        if content is None:
            raise WorkspaceError(
                f"{name} comes from lab {earlier.number}, which has not passed the step that makes it",
                cure=f"./lab check {earlier.number}, or start with --given to get ours",
            )
        yield Carried(name, content, f"yours, from lab {earlier.number}")


def given_from(earlier: Lab, names: Iterable[str]) -> Iterable[Carried]:
    """The same files, but the reference's."""
    for name in names:
        source = CHECKOUT / earlier.reference[name]
        if not source.is_file():
            raise WorkspaceError(
                f"ours of {name} is not in this copy of the course",
                cure=f"ask your instructor for it, or finish lab {earlier.number}",
            )
        yield Carried(name, source.read_bytes(), f"ours, of lab {earlier.number}")


def answers_template(lab: Lab, key: str, asked: Mapping[str, Mapping[str, str]]) -> str:
    """The answers.toml that a student fills in: for each step, the names of the answers and what they answer."""
    if not any(step.kind is not Kind.BUILD for step in lab.steps):
        return ""
    lines = ["# Your answers. The key is yours alone: the questions depend on it.", f'key = "{key}"']
    for step, questions in asked.items():
        lines += ["", f"[step{step}]"]
        for name, text in questions.items():
            lines += [*(f"# {line}" for line in text.splitlines()), f'{name} = ""']
    return "\n".join(lines) + "\n"


@dataclass(slots=True)
class Progress:
    """Which steps of which labs have passed, when, under which seed, at which commit; and how often each has failed."""

    path: Path
    _steps: dict[str, dict[str, dict[str, Any]]]

    @classmethod
    def load(cls) -> "Progress":
        """Read the progress file; one that cannot be read is put aside, never written over."""
        path = home() / ".downstack" / "progress.json"
        try:
            steps = json.loads(path.read_text(encoding="utf-8"))["labs"]
        except FileNotFoundError:
            steps = {}
        except (ValueError, KeyError, TypeError):
            path.rename(path.with_name(f"progress-unreadable-{time.strftime('%Y%m%d-%H%M%S')}.json"))
            steps = {}
        return cls(path, steps)

    def passed(self, lab: Lab) -> set[str]:
        """The steps of `lab` that have passed at some time."""
        return {step for step, record in self._of(lab).items() if record.get("passed")}

    def failures(self, lab: Lab, step: str) -> int:
        """How often `step` has failed since it last passed."""
        return int(self._of(lab).get(step, {}).get("failures", 0))

    def commit_of(self, lab: Lab, step: str) -> str:
        """The commit of the student's folder at which `step` last passed; "" when it never did."""
        return str(self._of(lab).get(step, {}).get("commit", ""))

    def record(self, lab: Lab, step: str, *, passed: bool, key: str, commit: str) -> None:
        """Remember what a check of `step` came to. `key` names the seeds."""
        record = self._steps.setdefault(lab.number, {}).setdefault(step, {})
        if passed:
            record |= {"passed": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "seeds": key, "commit": commit, "failures": 0}
        else:
            record["failures"] = int(record.get("failures", 0)) + 1

    def save(self) -> None:
        """Write the file, whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path, json.dumps({"format": 1, "labs": self._steps}, indent=1) + "\n")

    def _of(self, lab: Lab) -> dict[str, dict[str, Any]]:
        return self._steps.get(lab.number, {})


def write_atomically(path: Path, text: str) -> None:
    """Replace the content of `path`: a reader, or a crash, finds the old one or the new one, never half of it."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def commit(folder: Path, message: str) -> str:
    """Commit all that lies in a student's folder; return the commit's name, or "" where there is no git."""
    if not (folder / ".git").is_dir():
        return ""
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    name = _git(folder, "rev-parse", "HEAD")
    return "" if name is None else name.decode().strip()


def _make_repository(folder: Path, message: str) -> None:
    if _git(folder, "init", "--quiet") is not None:
        _git(folder, "config", "user.name", "downstack")
        _git(folder, "config", "user.email", "downstack@localhost")
        commit(folder, message)


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What git prints, or None when it fails or is missing. Nothing of the user's own configuration takes part."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env=kept | quiet, capture_output=True, timeout=60, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
