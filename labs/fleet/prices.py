"""The three prices of a library, measured on a fleet that runs."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import trio

from labs.fleet.foreign import NAME as ARCHIVE
from labs.fleet.foreign import Archive
from labs.fleet.people import People, Tally
from labs.fleet.running import Fleet
from labs.fleet.working_copy import Counted, Touched

SAME_QUESTION = "teams"
"""The service whose question *players* answers too, as it does the archive's; but this one asks by the library."""


@dataclass(frozen=True, slots=True)
class Glue:
    """The first price, of one service."""

    service: str
    style: str
    lines: Counted


@dataclass(frozen=True, slots=True)
class Count:
    """Questions, and how many of them failed."""

    asked: int
    failed: int


@dataclass(frozen=True, slots=True)
class Event:
    """The second price, of one event: what it was to one who asks by the library, and to one who asks by itself.

    `edits` and `restarts` are what it took somebody to mend the latter.
    """

    what: str
    library: Count
    foreign: Count
    edits: int
    restarts: int


@dataclass(frozen=True, slots=True)
class Governance:
    """The third price, of one upgrade. `seconds` is for how long releases were mixed."""

    upgrade: str
    touched: tuple[Touched, ...]
    edits: int
    restarts: int
    seconds: float
    tally: Tally


class Upgrade(Protocol):
    """A way in which something new comes to all services of a fleet."""

    @property
    def name(self) -> str: ...

    @property
    def steps(self) -> int:
        """How many steps it has; `roll_out` calls `done` after each."""
        ...

    async def roll_out(self, fleet: Fleet, done: Callable[[str], None]) -> None: ...


@dataclass(frozen=True, slots=True)
class ByLibrary:
    """Release 2 of the library: each service is edited, and its process replaced, one service after another.

    Going by the bridge, release 1.9, takes two rounds, and everybody can talk to everybody at any time.
    """

    order: Sequence[str]
    bridge: bool = False
    pause: float = 0.3
    """Seconds between one service and the next, for whoever looks whether all is well."""

    @property
    def name(self) -> str:
        """What is told of it."""
        return "library 1 to 1.9, and then to 2" if self.bridge else "library 1 to 2"

    @property
    def steps(self) -> int:
        """One for each service in each round."""
        return len(self.order) * (2 if self.bridge else 1)

    async def roll_out(self, fleet: Fleet, done: Callable[[str], None]) -> None:
        """Edit and replace one service after another; once, or twice."""
        for release in ("1.9", "2") if self.bridge else ("2",):
            for name in self.order:
                if release == "2":
                    fleet.copy.adapt(name)
                fleet.copy.require(name, release)
                await fleet.restart(name)
                await trio.sleep(self.pause)
                done(name)


def glue(fleet: Fleet) -> Iterator[Glue]:
    """Count the first price: lines of each service that are not its business."""
    for kind in fleet.kinds:
        yield Glue(kind.name, kind.style, fleet.copy.count(kind.name))


async def governance(fleet: Fleet, people: People, upgrade: Upgrade, done: Callable[[str], None]) -> Governance:
    """Measure the third price while `people` ask."""
    starts, edits, began = fleet.starts, fleet.copy.edits, trio.current_time()
    people.tally = Tally()
    await upgrade.roll_out(fleet, done)
    tally, people.tally = people.tally, Tally()
    return Governance(
        upgrade.name,
        tuple(each for kind in fleet.kinds for each in fleet.copy.touched(kind.name)),
        fleet.copy.edits - edits,
        fleet.starts - starts,
        trio.current_time() - began,
        tally,
    )


async def one_runtime(fleet: Fleet, people: People, archive: Archive, done: Callable[[str], None]) -> list[Event]:
    """Measure the second price: what happens to *players* is news to one who asks by itself."""

    async def nothing() -> None:
        """It has happened already."""

    async def moves() -> None:
        await fleet.restart("players")

    async def dies() -> None:
        await first.kill()

    trouble = Trouble(fleet, people, archive, done)
    upgraded = await trouble.comes("release 2 arrives", nothing, archive.rename_header)
    moved = await trouble.comes("players moves", moves)
    first = fleet.members["players"]
    await fleet.start("players")
    return [upgraded, moved, await trouble.comes("one of two players dies", dies)]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Asks two services the same, one with the library and one without, while something happens."""

    fleet: Fleet
    people: People
    archive: Archive
    done: Callable[[str], None]
    seconds: float = 2.0
    every: float = 0.05

    async def comes(
        self, what: str, happens: Callable[[], Awaitable[None]], mend: Callable[[], None] = lambda: None
    ) -> Event:
        """Count from before `happens` until `seconds` after it; then somebody mends the one without."""
        tally = Tally()
        kind, client = next(pair for pair in self.people.clients if pair[0].name == SAME_QUESTION)

        async def ask_for_ever() -> None:
            while True:
                nursery.start_soon(self.archive.ask, tally)
                nursery.start_soon(self.people.ask, kind, client, tally)
                await trio.sleep(self.every)

        async with trio.open_nursery() as nursery, trio.open_nursery() as asking:
            asking.start_soon(ask_for_ever)
            await happens()
            await trio.sleep(self.seconds)
            asking.cancel_scope.cancel()
        edits, restarts = self.archive.edits, self.archive.restarts
        mend()
        if instance := self.fleet.members["players"].instance:
            await self.archive.deploy(instance)
        self.done(what)
        return Event(
            what,
            Count(tally.asked[SAME_QUESTION], tally.failed[SAME_QUESTION]),
            Count(tally.asked[ARCHIVE], tally.failed[ARCHIVE]),
            self.archive.edits - edits,
            self.archive.restarts - restarts,
        )
