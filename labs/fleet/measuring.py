"""A whole measurement: a fleet is laid out, started, upgraded and troubled, and told of."""

import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import trio

from labs.fleet import foreign
from labs.fleet.catalogue import SERVICES, Kind
from labs.fleet.foreign import Archive
from labs.fleet.people import Tally, people
from labs.fleet.prices import Event, Glue, Governance, Upgrade, glue, governance, one_runtime
from labs.fleet.running import Fleet, Processes, Tasks, registry
from labs.fleet.working_copy import WorkingCopy
from labs.testbed import jump
from netstack.driver import own_host
from netstack.host import Host

EVENTS = 3
Done = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """All three prices. `left_out` says why there are no `events`, where there are none."""

    glue: tuple[Glue, ...]
    governance: Governance
    events: tuple[Event, ...] = ()
    left_out: str = ""


def steps(kinds: Sequence[Kind], upgrade: Upgrade) -> int:
    """How many times `done` will be called, at most."""
    return len(kinds) + upgrade.steps + EVENTS


def on_processes(folder: Path, kinds: Sequence[Kind], upgrade: Upgrade, *, rate: float, done: Done) -> Measured:
    """Measure with a process for each service, and Ruby's, in real time. Raises `FleetError`."""

    async def main() -> Measured:
        copy = WorkingCopy.lay_out(folder)
        async with registry() as client, trio.open_nursery() as nursery:
            launcher = Processes(nursery, folder / "logs")
            fleet = Fleet(kinds, copy, launcher, client)
            why_not = foreign.missing()
            archive = None if why_not else Archive(copy, launcher)
            measured = await _measure(fleet, archive, upgrade, rate, done)
            nursery.cancel_scope.cancel()
            return replace(measured, left_out=why_not)

    return trio.run(main)


def in_virtual_time(
    folder: Path, kinds: Sequence[Kind], upgrade: Upgrade, *, rate: float, seed: int, done: Done
) -> Measured:
    """Measure with a task for each service, on a host of our own: exact, and the same for the same seed."""

    async def main(clock: jump.Jump) -> Measured:
        copy = WorkingCopy.lay_out(folder)
        host = Host(interfaces=[], randomness=random.Random(seed))
        async with own_host(host, []), registry() as client, trio.open_nursery() as nursery:
            fleet = Fleet(kinds, copy, Tasks(nursery), client)
            measured = await _measure(fleet, None, upgrade, rate, done)
            nursery.cancel_scope.cancel()
            return replace(measured, left_out="Ruby knows nothing of virtual time")

    measured = jump.run(main, seed=seed)
    assert measured is not None
    return measured


def half_way(folder: Path, upgraded: Sequence[str], *, seed: int = 1) -> set[str]:
    """The services that cannot answer people when only those that are `upgraded` have release 2; in virtual time."""

    async def main(clock: jump.Jump) -> set[str]:
        copy = WorkingCopy.lay_out(folder)
        for name in upgraded:
            copy.adapt(name)
            copy.require(name, "2")
        host = Host(interfaces=[], randomness=random.Random(seed))
        async with own_host(host, []), registry() as client, trio.open_nursery() as nursery:
            fleet = Fleet(SERVICES, copy, Tasks(nursery), client)
            tally = Tally()
            async with _started(fleet, lambda name: None), people(SERVICES, fleet.registry) as asking:
                for kind, line in asking.clients:
                    await asking.ask(kind, line, tally)
            nursery.cancel_scope.cancel()
            return set(tally.failed)

    failed = jump.run(main, seed=seed)
    assert failed is not None
    return failed


async def _measure(fleet: Fleet, archive: Archive | None, upgrade: Upgrade, rate: float, done: Done) -> Measured:
    async with _started(fleet, done):
        counted = tuple(glue(fleet))
        if archive and (players := fleet.members["players"].instance):
            await archive.deploy(players)
        async with people(fleet.kinds, fleet.registry) as asking, trio.open_nursery() as nursery:
            nursery.start_soon(lambda: asking.ask_for_ever(rate=rate))
            cost = await governance(fleet, asking, upgrade, done)
            events = await one_runtime(fleet, asking, archive, done) if archive else []
            nursery.cancel_scope.cancel()
        return Measured(counted, cost, tuple(events))


@asynccontextmanager
async def _started(fleet: Fleet, done: Done) -> AsyncIterator[None]:
    """All services, started at once and ended at once."""

    async def start(name: str) -> None:
        await fleet.start(name)
        done(name)

    async with trio.open_nursery() as nursery:
        for kind in fleet.kinds:
            nursery.start_soon(start, kind.name)
    try:
        yield
    finally:
        async with trio.open_nursery() as nursery:
            for member in fleet.members.values():
                nursery.start_soon(member.end)
