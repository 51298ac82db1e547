"""Which level can be had here: found out by trying."""

import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from labs.testbed.sandbox.accounts import is_kernels_root, may_change_uid
from labs.testbed.sandbox.confined import end, ending, launch
from labs.testbed.sandbox.levels import (
    Level,
    Unavailable,
    bubblewrap_options,
    interpreter_folders,
    may_empty_the_network,
)

_APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")


@functools.cache
def best_level() -> tuple[Level, str]:
    """The best level that works here, tried out by starting this interpreter; what it lacks, why there is no better."""
    if sys.platform != "linux":
        return Level.NONE, "a sandbox needs Linux"
    no_bubblewrap = why_not(Level.BUBBLEWRAP)
    if not no_bubblewrap:
        return Level.BUBBLEWRAP, "; ".join(_weaknesses())
    if os.geteuid() != 0:
        return Level.NONE, f"{no_bubblewrap}; and only root can run programs as another user"
    no_account = why_not(Level.OTHER_UID)
    if no_account:
        return Level.NONE, f"{no_bubblewrap}; and not as another user: {no_account}"
    seen = "all processes" if may_empty_the_network() else "all processes and the network of this machine"
    return Level.OTHER_UID, f"{no_bubblewrap}; as another user, programs see {seen}, and what everybody may read"


@functools.cache
def why_not(level: Level) -> str:
    """Why this interpreter does not start at `level`; "" when it does."""
    try:
        process = launch(
            [sys.executable, "-I", "-c", "pass"],
            level=level,
            readable=(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    except (Unavailable, OSError) as problem:
        return str(problem)
    try:
        _, said = process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        return f"{sys.executable} did not start within 10 s"
    finally:
        end(process)
    return _explained(said.decode(errors="replace").strip(), process.returncode)


def _explained(said: str, code: int) -> str:
    if code == 0:
        return ""
    if _APPARMOR.exists() and _APPARMOR.read_text().strip() != "0" and os.geteuid() != 0:
        return "AppArmor forbids plain users to make namespaces (kernel.apparmor_restrict_unprivileged_userns is 1)"
    last = said.splitlines()[-1] if said else ""
    return last or f"{sys.executable} {ending(code)}"


def _weaknesses() -> Iterator[str]:
    if not {"--size", "--disable-userns"} <= bubblewrap_options():
        yield "this bubblewrap is older than 0.8: /tmp is not limited in size, and user namespaces can be made inside"
    if not may_change_uid() and os.geteuid() == 0 and is_kernels_root():
        yield "the number of processes is not limited, because they run as the kernel's root in a user namespace"
    if any(Path(__file__).is_relative_to(folder) for folder in (Path("/usr"), *interpreter_folders())):
        yield "the course lies in the interpreter's own folders, where programs can read it: install it editable"
