"""People, who ask the services of a fleet in turn, so often a second, whether earlier answers have come or not."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import trio

import mesh
from labs.fleet.catalogue import Kind
from mesh.calling import Client
from mesh.discovery import Discovery
from mesh.failures import CallFailed
from mesh.rpc import Call
from mesh.service import Service, Stack


@dataclass(slots=True)
class Tally:
    """How many questions were asked, by service; how many of them failed, and why."""

    asked: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def fail(self, name: str, reason: str) -> None:
        """Count a question that was not answered."""
        self.failed[name] += 1
        self.reasons[reason] += 1


@dataclass(slots=True, eq=False)
class People:
    """Whoever asks. `tally` counts; put in a new one when something else begins."""

    clients: Sequence[tuple[Kind, Client]]
    tally: Tally = field(default_factory=Tally)

    async def ask_for_ever(self, *, rate: float) -> None:
        """Ask all services in turn, `rate` questions a second in all."""
        async with trio.open_nursery() as nursery:
            while True:
                for kind, client in self.clients:
                    nursery.start_soon(self.ask, kind, client, self.tally)
                    await trio.sleep(1 / rate)

    async def ask(self, kind: Kind, client: Client, tally: Tally) -> None:
        """Ask one question."""
        tally.asked[kind.name] += 1
        try:
            await client.call(kind.method, kind.arguments)
        except CallFailed as failure:
            tally.fail(kind.name, str(failure))


@asynccontextmanager
async def people(kinds: Sequence[Kind], discovery: Discovery) -> AsyncIterator[People]:
    """People who know where the services are, by the registry. They speak to all releases of the library."""
    async with AsyncExitStack() as stack:
        clients = [
            (kind, await stack.enter_async_context(mesh.client(kind.name, discovery=discovery, stack=_polite)))
            for kind in kinds
        ]
        yield People(clients)


def _polite(stack: Stack[Any, Any]) -> Stack[Any, Any]:
    return stack.insert_before("statistics", "introduction", _introduced, why="on top: all tries are one call")


def _introduced(send: Service[Call, bytes]) -> Service[Call, bytes]:
    async def call(call: Call) -> bytes:
        metadata = call.metadata.with_("x-caller", "people").with_("caller", "people")
        return await send(replace(call, metadata=metadata, key=f"{random.getrandbits(64):x}"))

    return call
