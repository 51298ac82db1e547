"""Taking in a submission: whatever was handed in becomes a folder of ordinary files, bounded in number and size.

A folder from a stranger may hold links out of itself, pipes that block whoever opens them, a million files, or names
that repaint a terminal. What is left out is told in remarks; the rest is copied, so that later nothing can change.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from labs.story.escape import plain

MOST_FILES = 200
MOST_BYTES = 8 << 20
DEEPEST = 5
_LEFT_OUT = {"__pycache__", ".git", ".venv", ".ipynb_checkpoints", "__MACOSX"}


class Refused(Exception):
    """This is no submission; the text says why."""


def take_in(source: Path, target: Path) -> list[str]:
    """Copy the ordinary files of the folder `source` to `target`; return remarks on the rest. Raises `Refused`."""
    try:
        mode = os.lstat(source).st_mode
    except (OSError, ValueError) as error:
        raise Refused(f"it cannot be read: {plain(str(error))}") from None
    if stat.S_ISLNK(mode):
        raise Refused("it is a symbolic link; hand in the folder itself")
    if not stat.S_ISDIR(mode):
        raise Refused("it is not a folder")
    target.mkdir(parents=True, exist_ok=True)
    intake = _Intake(target)
    try:
        intake.folder(source, Path(), 0)
    except PermissionError as error:
        raise Refused(f"it may not be read: {plain(str(error))}") from None
    return intake.remarks


class _Intake:
    """A copy on its way."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.remarks: list[str] = []
        self.files = 0
        self.bytes = 0

    def folder(self, source: Path, below: Path, depth: int) -> None:
        """Copy one folder: its files first, so that what lies deep cannot crowd out what lies at the top."""
        folders = []
        for entry in self._entries(source):
            name = below / entry.name
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry)
            elif not entry.is_file(follow_symlinks=False):
                what = "a symbolic link" if entry.is_symlink() else "neither a file nor a folder"
                self._remark(f"{name} is {what}, and was left out")
            else:
                self._file(Path(entry.path), name)
        for entry in folders:
            if depth == DEEPEST:
                self._remark(f"{below / entry.name} lies deeper than {DEEPEST} folders, and was left out")
            else:
                self.folder(Path(entry.path), below / entry.name, depth + 1)

    def _entries(self, source: Path) -> Iterator[os.DirEntry[str]]:
        with os.scandir(source) as found:
            for entry in sorted(found, key=lambda each: each.name):
                if entry.name in _LEFT_OUT:
                    continue
                if plain(entry.name) != entry.name:
                    self._remark(f"{entry.name} has a name that cannot be shown, and was left out")
                else:
                    yield entry

    def _file(self, source: Path, name: Path) -> None:
        if self.files >= MOST_FILES:
            self._remark(f"more than {MOST_FILES} files were handed in; the rest was left out")
            return
        with suppress(OSError):
            descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(descriptor, "rb") as stream:
                content = stream.read(MOST_BYTES - self.bytes + 1)
            if self.bytes + len(content) > MOST_BYTES:
                self._remark(f"{name} is too long for {MOST_BYTES >> 20} MiB in all, and was left out")
                return
            self.files += 1
            self.bytes += len(content)
            place = self.target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
            return
        self._remark(f"{name} cannot be read, and was left out")

    def _remark(self, text: str) -> None:
        shown = plain(text)
        if shown not in self.remarks and len(self.remarks) < 20:
            self.remarks.append(shown)
