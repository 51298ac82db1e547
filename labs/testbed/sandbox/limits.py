"""What a program may use of the machine."""

import resource
from dataclasses import dataclass

from labs.testbed.sandbox.levels import tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a program may use. Memory and CPU time are for each of its processes, `tmp_bytes` holds at level 1 only."""

    cpu_seconds: int = 20
    memory_bytes: int = 1 << 30
    processes: int = 40
    file_bytes: int = 16 << 20
    tmp_bytes: int = 32 << 20
    open_files: int = 256


STANDARD = Limits()


def limited(limits: Limits, processes: int | None = None) -> list[str]:
    """Start the next command within `limits`.

    It must be the program itself: the number of `processes` counts for each user namespace.
    """
    wanted = {
        "as": (resource.RLIMIT_AS, limits.memory_bytes),
        "fsize": (resource.RLIMIT_FSIZE, limits.file_bytes),
        "nofile": (resource.RLIMIT_NOFILE, limits.open_files),
        "core": (resource.RLIMIT_CORE, 0),
    }
    if processes is not None:
        wanted["nproc"] = (resource.RLIMIT_NPROC, processes)
    # First SIGXCPU, which says what was wrong; SIGKILL a second later, for those who ignore it.
    cpu = [_at_most(resource.RLIMIT_CPU, limits.cpu_seconds + more) for more in (0, 1)]
    others = [f"--{name}={_at_most(*limit)}" for name, limit in wanted.items()]
    return [tool("prlimit"), "--cpu={}:{}".format(*cpu), *others, "--"]


def _at_most(what: int, wanted: int) -> int:
    """`wanted`, or the hard limit that we have ourselves, which no plain user can raise."""
    _, hard = resource.getrlimit(what)
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
