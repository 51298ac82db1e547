"""Kills all that it may: everybody, its parent, its process group; then says who is left."""

import os
import signal
import sys
from pathlib import Path


def confined() -> bool:
    """Whether this can do no harm where it runs: in bubblewrap, or as one of the sandbox's users."""
    return os.getuid() > 60_000 or Path("/proc/1/comm").read_text() == "bwrap\n"


def strike(kill, victim: int) -> None:
    try:
        kill(victim, signal.SIGKILL)
    except OSError as refused:
        print(f"{kill.__name__}({victim}): {refused}")


async def main(host):
    if not confined():
        raise RuntimeError("this is run in a sandbox only: it would hurt the machine")
    own_group = os.getpgid(0)
    for name in filter(str.isdigit, os.listdir("/proc")):
        if int(name) != os.getpid():
            strike(os.kill, int(name))
    strike(os.kill, os.getppid())
    strike(os.kill, -1)
    print("still here")
    sys.stdout.flush()
    strike(os.killpg, own_group)
