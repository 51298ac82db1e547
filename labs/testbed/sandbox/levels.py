"""The three levels, and what this machine offers to make them with."""

import enum
import functools
import re
import shutil
import subprocess
import sys
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Level(enum.IntEnum):
    """How a program is kept apart. Not an order: 1 protects best."""

    NONE = 0
    BUBBLEWRAP = 1
    OTHER_UID = 2


class Unavailable(Exception):
    """A level cannot be had here, or not for these folders; the text says why, and what would help."""


def tool(name: str) -> str:
    """The full path of a program; raises `Unavailable` when there is none."""
    found = shutil.which(name) or shutil.which(name, path=PATH)
    if not found:
        package = {"bwrap": "bubblewrap"}.get(name, "util-linux")
        raise Unavailable(f"there is no {name} here: install {package}")
    return found


@functools.cache
def bubblewrap_options() -> frozenset[str]:
    """The options that this bubblewrap knows: they differ from version to version."""
    said = subprocess.run([tool("bwrap"), "--help"], capture_output=True, text=True, check=False, timeout=10)
    return frozenset(re.findall(r"--[a-z-]+", said.stdout))


@functools.cache
def may_empty_the_network() -> bool:
    """Whether we may give a program a network namespace of its own, without bubblewrap."""
    tried = [tool("unshare"), "--net", "--ipc", "--", "/bin/true"]
    return subprocess.run(tried, capture_output=True, check=False, timeout=10).returncode == 0


def interpreter_folders() -> set[Path]:
    """The folders that this interpreter needs, beyond /usr: its own, and its virtual environment's."""
    real = Path(sys.executable).resolve().parent.parent
    needed = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.base_exec_prefix), real}
    return {path for path in needed if not path.is_relative_to("/usr") and path != Path("/")}
