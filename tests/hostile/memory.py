"""Takes all the memory there is, in several processes where it can, and holds on to it."""

import os
from pathlib import Path


def confined() -> bool:
    """Whether this can do no harm where it runs: in bubblewrap, or as one of the sandbox's users."""
    return os.getuid() > 60_000 or Path("/proc/1/comm").read_text() == "bwrap\n"


def devour() -> None:
    for _ in range(3):
        try:
            os.fork()
        except OSError:
            break
    kept = []
    while True:
        try:
            kept.append(bytearray(b"x") * (1 << 24))
        except MemoryError:
            pass


async def main(host):
    if not confined():
        raise RuntimeError("this is run in a sandbox only: it would hurt the machine")
    devour()
