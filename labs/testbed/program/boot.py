"""Runs one program: reads the judge's `Start`, loads the program's file, and runs its `main(host)` on trio.

This is trusted code in an untrusted process: it sees to it that honest programs behave the same each time and that
their failures are told in words. What a program says of itself is never evidence, and nothing here guards the judge.
"""

import faulthandler
import importlib.util
import inspect
import os
import random
import signal
import socket
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import trio

from labs.testbed.channel import End, Message, Start
from labs.testbed.program.carrier import RealTime, TurnTaking
from labs.testbed.program.clock import (
    GrantedClock,
    frames_of_ready_tasks,
    keep_everything_in_trio,
    seed_everything,
    show_virtual_time,
)
from labs.testbed.program.host import Host
from netstack.names import Names
from netstack.requests import Answer
from netstack.sockets import Sockets

DUMP_SIGNAL = signal.SIGUSR1
DETAIL = 8_000  # characters of a traceback

Main = Callable[[Host], Awaitable[None]]


class NoProgram(Exception):
    """The file is not a program; the text says what it lacks."""


def run(channel: socket.socket, links: Sequence[socket.socket], roots: Sequence[Path]) -> None:
    """Run the program that the judge's `Start` names. `roots` are the folders of the lab and of the student."""
    faulthandler.enable()
    signal.signal(DUMP_SIGNAL, _tell_where)
    faulthandler.register(DUMP_SIGNAL, all_threads=False, chain=True)  # which works in C code too
    turns = TurnTaking(channel)
    start = turns.first_message()
    if not isinstance(start, Start):
        raise SystemExit("the judge's first message was no Start")
    if start.settings["time"] == "virtual":
        _in_turns(turns, start.settings, roots)
    else:
        _in_real_time(channel, links, start.settings, roots)


def _tell_where(*_: object) -> None:
    """Go on where `faulthandler` stopped, in its format: a program that circles is not always on the stack."""
    for frame, line in frames_of_ready_tasks():
        os.write(2, f'  File "{frame.f_code.co_filename}", line {line} in {frame.f_code.co_name}\n'.encode())


def _in_turns(carrier: TurnTaking, settings: dict[str, Any], roots: Sequence[Path]) -> None:
    host = Host(carrier, settings)
    sockets = Sockets(carrier.tell, Names(host.names)) if settings["sockets"] else None

    def arrive(message: Message) -> None:
        if isinstance(message, Answer) and sockets is not None:
            sockets.receive(message)
        else:
            host.arrive(message)

    carrier.arrive = arrive
    clock = GrantedClock(carrier.exchange)
    seed_everything(settings["seed"])

    def is_own(file: str) -> bool:
        return _is_own(file, roots)

    show_virtual_time(clock, is_own)
    keep_everything_in_trio(is_own)
    carrier.exchange(0)  # The first turn: this program exists, and the clock stands at nought.

    async def perform() -> End:
        if sockets is not None:
            sockets.install()
        return await _perform(host, carrier, settings["file"], roots)

    end = trio.run(perform, clock=clock)
    _flush_output()
    carrier.tell(end)
    carrier.flush()


def _flush_output() -> None:
    """Let go of what is printed: after its `End` a process may be ended at any moment."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # a program may have closed it, or put anything in its place
            stream.flush()


def _in_real_time(
    channel: socket.socket, links: Sequence[socket.socket], settings: dict[str, Any], roots: Sequence[Path]
) -> None:
    random.seed(f"random {settings['seed']}")

    async def carried() -> None:
        carrier = RealTime(channel, links)
        host = Host(carrier, settings)
        carrier.arrive = host.arrive
        if settings["sockets"]:
            Names(host.names).install()  # its sockets are the kernel's; a sandbox shows no /etc/hosts
        async with trio.open_nursery() as nursery:
            nursery.start_soon(carrier.run)
            nursery.start_soon(_cancel_on_sigterm, carrier)
            end = await _perform(host, carrier, settings["file"], roots)
            nursery.cancel_scope.cancel()
        _flush_output()
        carrier.tell(end)
        await carrier.drain()

    trio.run(carried)


async def _cancel_on_sigterm(carrier: RealTime) -> None:
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async for _ in signals:
            carrier.stop()


async def _perform(host: Host, carrier: TurnTaking | RealTime, file: str, roots: Sequence[Path]) -> End:
    """Load and run the `main` of `file`; return how it ended."""
    try:
        main = load_main(file, roots)
        with trio.CancelScope() as scope:
            carrier.stop = scope.cancel
            await main(host)
    except NoProgram as error:
        return End("raised", str(error))
    except BaseException as error:
        return End("raised", describe(error, roots)[:DETAIL])
    return End("cancelled" if scope.cancelled_caught else "returned")


def load_main(file: str, roots: Sequence[Path]) -> Main:
    """Return `main` of `file`, looked up in `roots` in order; raises `NoProgram`, or what the file's own code does."""
    path = next((root / file for root in roots if (root / file).is_file()), None)
    if path is None:
        raise NoProgram(f"there is no file {file}")
    main = getattr(_load(path), "main", None)
    if not inspect.iscoroutinefunction(main):
        raise NoProgram(f"{file} defines no `async def main(host)`" + (": its `main` is not async" if main else ""))
    return main


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise NoProgram(f"{path.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _is_own(file: str, roots: Sequence[Path]) -> bool:
    return any(Path(file).is_relative_to(root) for root in roots)


def describe(error: BaseException, roots: Sequence[Path]) -> str:
    """Tell an exception with only the frames that lie in files below `roots`; a group is told leaf by leaf."""
    return "\n".join(_describe_one(leaf, roots) for leaf in _leaves(error))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _describe_one(error: BaseException, roots: Sequence[Path]) -> str:
    told = traceback.TracebackException.from_exception(error, limit=-40, compact=True)
    own = [frame for frame in told.stack if _is_own(frame.filename, roots)]
    told.stack[:] = [
        traceback.FrameSummary(Path(frame.filename).name, frame.lineno, frame.name, line=frame.line) for frame in own
    ]
    told.__cause__ = told.__context__ = None
    if isinstance(error, SyntaxError) and error.filename:
        told.filename = Path(error.filename).name
    return "".join(told.format() if own else told.format_exception_only()).rstrip()
