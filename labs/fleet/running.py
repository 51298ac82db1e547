"""Starting and ending the services of a fleet: as processes, or as tasks of one process in virtual time.

Either way a service runs the sources of the working copy, with the release of the library that it requires, and finds
the others by a real registry. A new instance is registered before the old one leaves, which it does in order.
"""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import trio

import mesh.stack
from labs.course import CHECKOUT
from labs.fleet.catalogue import Kind
from labs.fleet.member import load
from labs.fleet.working_copy import WorkingCopy
from mesh.discovery.registry import Desk, RegistryClient
from mesh.discovery.registry.server import Front
from mesh.environment import REGISTRY
from mesh.http import Limits
from mesh.http.server import Server
from mesh.instances import Instance
from mesh.policies import balance, breaker, budget
from mesh.policies.leases import Registry

FETCHED_BY_NAME = (mesh.stack, balance, breaker, budget)
"""By `mesh.parts`, for each client. What is imported somewhere is in a student's edition, too, if sealed."""

START_WITHIN = 60.0  # seconds, for the slowest machine; nobody waits for longer than it takes
END_WITHIN = 15.0


class FleetError(Exception):
    """A service did not start, or has ended; the text says which, and its last words."""


@dataclass(slots=True, eq=False)
class Member:
    """One running instance. `end` lets it end in order, `kill` does not."""

    name: str
    end: Callable[[], Awaitable[None]]
    kill: Callable[[], Awaitable[None]]
    instance: Instance | None = None


class Launcher(Protocol):
    """Who can start a service from the working copy."""

    async def launch(self, name: str, service: Path, library: Path) -> Member: ...


@dataclass(slots=True, eq=False)
class Fleet:
    """The services that are running, one instance of each but while it is being replaced."""

    kinds: Sequence[Kind]
    copy: WorkingCopy
    launcher: Launcher
    registry: RegistryClient
    members: dict[str, Member] = field(default_factory=dict)
    starts: int = 0

    async def start(self, name: str) -> Member:
        """Start an instance of a service, and wait until it is registered."""
        async with self.registry.watch(name) as found:
            known = set(found.instances)
            member = await self.launcher.launch(
                name, self.copy.service(name), self.copy.library(self.copy.release_of(name))
            )
            self.starts += 1
            with trio.move_on_after(START_WITHIN):
                while not (new := set(found.instances) - known):
                    await found.changed(found.instances)
                member.instance = new.pop()
                self.members[name] = member
                return member
        raise FleetError(f"{name} has not registered within {START_WITHIN:g} s")

    async def restart(self, name: str) -> None:
        """Replace a service's instance by one of what the working copy holds now."""
        old = self.members[name]
        await self.start(name)
        await old.end()


@asynccontextmanager
async def registry(*, host: str = "127.0.0.1") -> AsyncIterator[RegistryClient]:
    """A registry in this process, at a free port, which the environment of whoever is started names; and a client."""
    listeners = await trio.open_tcp_listeners(0, host=host)
    port = listeners[0].socket.getsockname()[1]
    client = RegistryClient.at(host, port)
    front = Front(Desk(leases=Registry(randomness=client.randomness), now=trio.current_time()))
    before = os.environ.get(REGISTRY)
    os.environ[REGISTRY] = f"{host}:{port}"
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(front.sweep)
            server = Server(front.handle, Limits(connections=10_000))
            nursery.start_soon(trio.serve_listeners, server.serve, listeners)
            yield client
            nursery.cancel_scope.cancel()
    finally:
        os.environ.pop(REGISTRY) if before is None else os.environ.update({REGISTRY: before})


@dataclass(slots=True, eq=False)
class Processes:
    """Each instance is a Python of its own; what it prints goes to a file in `logs`."""

    nursery: trio.Nursery
    logs: Path
    _count: int = 0

    async def launch(self, name: str, service: Path, library: Path) -> Member:
        command = [sys.executable, "-B", "-m", "labs.fleet.member", str(service), str(library)]
        return await self.run(name, command)

    async def run(self, name: str, command: list[str], *, stdout: int | None = None) -> Member:
        """Run a command that ends when its standard input does."""
        self._count += 1
        log = self.logs / f"{self._count:02d}-{name}.log"
        with log.open("wb") as told:
            process = await trio.lowlevel.open_process(
                command,
                stdin=subprocess.PIPE,
                stdout=told,
                stderr=told,
                cwd=CHECKOUT,
                start_new_session=True,  # a Ctrl-C is for us; they end when we do
            )
        ending = _Ending(name, process, log)
        self.nursery.start_soon(ending.watch)
        return Member(name, ending.end, ending.kill)


@dataclass(slots=True, eq=False)
class _Ending:
    name: str
    process: trio.Process
    log: Path
    wanted: bool = False

    async def watch(self) -> None:
        try:
            code = await self.process.wait()
            if not self.wanted:
                last = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
                raise FleetError(f"{self.name} has ended by itself, with {code}: {' '.join(last) or 'without a word'}")
        finally:
            self.process.kill()

    async def end(self) -> None:
        self.wanted = True
        self.process.terminate()
        with trio.move_on_after(END_WITHIN):
            await self.process.wait()
        self.process.kill()

    async def kill(self) -> None:
        self.wanted = True
        self.process.kill()
        await self.process.wait()


@dataclass(slots=True, eq=False)
class Tasks:
    """Each instance is a task of this process, with modules of its own; for virtual time. Nobody can be killed."""

    nursery: trio.Nursery

    async def launch(self, name: str, service: Path, library: Path) -> Member:
        scope, ended = trio.CancelScope(), trio.Event()
        main = load(service, library)

        async def run() -> None:
            with scope:
                await main()
            ended.set()

        async def end() -> None:
            scope.cancel()
            await ended.wait()

        self.nursery.start_soon(run)
        return Member(name, end, end)
