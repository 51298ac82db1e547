"""Discovery: where are the instances of a service that fit a query? One question, and several who can answer it.

A hosts file, DNS, the registry of this package, ZooKeeper and etcd all answer through the same interface. Whoever asks
*watches*: the answer is there at once when it is needed, it changes by itself, and when the source is gone the last one
serves on. That the last answer may be wrong is no reason to have none; who no longer answers at an address is found
out by calling it (`policies.accrual`).

    async with source.watch("players", {"environment": "production"}) as found:
        ... found.instances ...

What the sources can say differs. A hosts file and DNS know no attributes, and refuse a query that names some; nobody
registers there, somebody edits them. Only who holds a *lease* is forgotten when it dies without a word.
"""

import math
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

import trio

from mesh.instances import Instance

EVERYWHERE: Mapping[str, str] = {}
"""The query that all instances fit."""


class CannotDiscover(Exception):
    """The source has not answered, and there is no earlier answer either; or it cannot answer such a query at all."""


class CannotRegister(Exception):
    """The source did not take the registration."""


@dataclass(slots=True, eq=False)
class Found:
    """The last answer to a question, kept up to date by whoever watches: never wait for it, just read it.

    `instances` stand in the order of their names. `at` is when the source last confirmed them, in trio's seconds.
    `failure` says why the source does not answer at the moment; it is "" as long as all is well.
    """

    instances: tuple[Instance, ...] = ()
    at: float = -math.inf
    failure: str = ""
    _changed: trio.Event = field(default_factory=trio.Event)
    _heard: trio.Event = field(default_factory=trio.Event)

    async def changed(self, since: tuple[Instance, ...]) -> tuple[Instance, ...]:
        """The instances, as soon as they are others than `since`."""
        while self.instances == since:
            await self._changed.wait()
        return self.instances

    # For those who watch.

    def answered(self, instances: Iterable[Instance]) -> None:
        """The source has said this."""
        ordered = tuple(sorted(instances, key=lambda each: (each.name, each.address, each.port)))
        changed = ordered != self.instances
        self.instances, self.at, self.failure = ordered, trio.current_time(), ""
        self._heard.set()
        if changed:
            self._changed.set()
            self._changed = trio.Event()

    def failed(self, why: str) -> None:
        """The source has not answered; what it said last stays."""
        self.failure = why
        self._heard.set()

    async def heard(self) -> None:
        """Wait for the first answer, or the first failure."""
        await self._heard.wait()


class Discovery(Protocol):
    """Who can say where instances are."""

    def watch(self, service: str, query: Mapping[str, str] = EVERYWHERE) -> AbstractAsyncContextManager[Found]:
        """Keep an answer up to date within the `async with`.

        The first one is there when the block begins; raises `CannotDiscover` if the first try brings none. Later
        failures only show in `Found.failure`. That there is no instance is an answer, not a failure.
        """
        ...


class Registration(Protocol):
    """Who can be told that an instance is there."""

    def registered(self, instance: Instance) -> AbstractAsyncContextManager[None]:
        """Be found within the `async with`: the lease is renewed meanwhile, and given up at its end.

        Raises `CannotRegister` if the first try fails. Later the instance registers again whenever it has been
        forgotten, or the source was away, for as long as it takes.
        """
        ...
