"""One service of the fleet, in this process: `python -m labs.fleet.member SERVICE LIBRARY`, two folders.

It ends in order on SIGTERM, and at once when whoever started it is gone, which is when its standard input ends.
"""

import importlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

Main = Callable[[], Awaitable[None]]


def load(service: Path, library: Path) -> Main:
    """The `main` of a service, whose modules find each other and the library by bare names, and are nobody else's."""
    before, path = set(sys.modules), list(sys.path)
    sys.path[:0] = [str(service), str(library)]
    importlib.invalidate_caches()
    try:
        main: Main = importlib.import_module("service").main
        return main
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if file.startswith((str(service), str(library))):
                del sys.modules[name]


async def _run(main: Main) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_end_with_whoever_started)
        nursery.start_soon(_cancel_on_sigterm, nursery.cancel_scope)
        await main()
        nursery.cancel_scope.cancel()


async def _cancel_on_sigterm(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()


async def _end_with_whoever_started() -> None:
    async with trio.lowlevel.FdStream(os.dup(0)) as stream:
        while await stream.receive_some():
            pass
    os._exit(1)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    trio.run(_run, load(Path(sys.argv[1]), Path(sys.argv[2])))
