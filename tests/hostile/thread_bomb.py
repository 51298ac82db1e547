"""Starts threads for as long as it gets any, each of which spins."""

import resource
import threading


def confined() -> bool:
    """Whether the number of processes is limited: without a limit, this would take the machine down."""
    return 0 <= resource.getrlimit(resource.RLIMIT_NPROC)[0] <= 1000


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
