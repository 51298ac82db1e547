"""Discovery: where are the instances of a service that fit a query? One question, and several who can answer it.

A hosts file, DNS, the registry of this package, ZooKeeper and etcd all answer through the same interface. Whoever asks
*watches*: the answer is there at once when it is needed, it changes by itself, and when the source is gone the last one
serves on. That the last answer may be wrong is no reason to have none; who no longer answers at an address is found
out by calling it (`policies.accrual`).
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

import trio

from mesh.instances import Instance

EVERYWHERE: Mapping[str, str] = {}
"""The query that all instances fit."""


class CannotDiscover(Exception):
    """The source has not answered, and there is no earlier answer either."""


@dataclass(slots=True, eq=False)
class Found:
    """The last answer to a question, kept up to date by whoever watches. `at` is when it came, in trio's seconds.

    `failure` says why the source does not answer at the moment; it is "" as long as all is well.
    """

    instances: tuple[Instance, ...] = ()
    at: float = 0.0
    failure: str = ""
    _changed: trio.Event = field(default_factory=trio.Event)

    def answered(self, instances: tuple[Instance, ...]) -> None:
        """The source has said this."""
        changed = instances != self.instances
        self.instances, self.at, self.failure = instances, trio.current_time(), ""
        if changed:
            self._changed.set()
            self._changed = trio.Event()

    async def changed(self) -> None:
        """Wait until other instances are there than now."""
        await self._changed.wait()


class Discovery(Protocol):
    """Who can say where instances are."""

    def watch(self, service: str, query: Mapping[str, str] = EVERYWHERE) -> AbstractAsyncContextManager[Found]:
        """Keep an answer up to date within the `async with`; raises `CannotDiscover` if there is no first one."""
        ...


class Registration(Protocol):
    """Who can be told that an instance is there."""

    def registered(self, instance: Instance) -> AbstractAsyncContextManager[None]:
        """Be found within the `async with`: the lease is renewed meanwhile, and given up at its end."""
        ...
