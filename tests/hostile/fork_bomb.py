"""Doubles itself for ever."""

import os
import resource


def confined() -> bool:
    """Whether the number of processes is limited: without a limit, this would take the machine down."""
    return 0 <= resource.getrlimit(resource.RLIMIT_NPROC)[0] <= 1000


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
