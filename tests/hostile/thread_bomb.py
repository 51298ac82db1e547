"""Starts threads for as long as it gets any, each of which spins."""

import os
import threading
from pathlib import Path


def confined() -> bool:
    """Whether this can do no harm where it runs: in bubblewrap, or as one of the sandbox's users."""
    return os.getuid() > 60_000 or Path("/proc/1/comm").read_text() == "bwrap\n"


def spin() -> None:
    while True:
        pass


def explode() -> None:
    while True:
        try:
            threading.Thread(target=spin, daemon=True).start()
        except (RuntimeError, MemoryError):
            pass


async def main(host):
    if not confined():
        raise RuntimeError("this is run in a sandbox only: it would hurt the machine")
    explode()
