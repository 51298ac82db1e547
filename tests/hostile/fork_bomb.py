"""Doubles itself for ever."""

import os
from pathlib import Path


def confined() -> bool:
    """Whether this can do no harm where it runs: in bubblewrap, or as one of the sandbox's users."""
    return os.getuid() > 60_000 or Path("/proc/1/comm").read_text() == "bwrap\n"


def double() -> None:
    while True:
        try:
            os.fork()
        except OSError:
            pass


async def main(host):
    if not confined():
        raise RuntimeError("this is run in a sandbox only: it would hurt the machine")
    double()
