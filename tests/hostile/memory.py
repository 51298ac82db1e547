"""Takes all the memory that it gets, twice, and holds on to it."""

import os
import resource
from contextlib import suppress


def confined() -> bool:
    """Whether memory and the number of processes are limited: without limits, this would take the machine down."""
    limits = [resource.getrlimit(what)[0] for what in (resource.RLIMIT_AS, resource.RLIMIT_NPROC)]
    return 0 <= limits[0] <= 4 << 30 and 0 <= limits[1] <= 1000


def devour() -> None:
    with suppress(OSError):
        os.fork()
    kept = []
    while True:
        with suppress(MemoryError):
            kept.append(bytearray(b"x") * (1 << 24))


async def main(host):
    if not confined():
        raise RuntimeError("this is run in a sandbox only: it would hurt the machine")
    devour()
