"""Calls go on while the registry is killed, cut off, or an instance dies: which of them fail, and what spares them.

Five calls a second for five minutes to three instances, whose leases are Eureka's (90 s, sweeps each 60 s). What
is done about an instance that is registered and does not answer is put together as in a client: nothing; passive
ejection; passive ejection, and one more try elsewhere.
"""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from mesh.failures import CallFailed, Status
from mesh.instances import Instance
from mesh.layers import Endpoint, available, balanced, retries
from mesh.policies.accrual import Accruals, FailureAccrual
from mesh.policies.balance import TwoChoices
from mesh.policies.budget import RetryBudget
from mesh.service import Service

SECONDS, EVERY = 300, 0.2
CLIENTS = ("nothing", "ejection", "ejection and a retry")


class Players:
    """Three instances, each registered by a client of its own; whoever is dead answers nobody."""

    def __init__(self, place: Any, new_way: Callable[[], Any]) -> None:
        self.place = place
        self.ways = {name: new_way() for name in ("a1", "a2", "a3")}
        self.dead: set[str] = set()

    @asynccontextmanager
    async def registered(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for name, way in self.ways.items():
                client = self.place.client(way)
                await stack.enter_async_context(client.registered(Instance("players", name, "10.0.0.1", 8080)))
            yield

    def die(self, name: str) -> None:
        self.dead.add(name)
        self.ways[name].cut()

    def connect(self, instance: Instance) -> Endpoint[str, str]:
        async def service(request: str) -> str:
            await trio.sleep(0.005)
            if instance.name in self.dead:
                raise CallFailed(Status.UNAVAILABLE, "refused", maybe_done=False)
            return instance.name

        return Endpoint(service)


@asynccontextmanager
async def client_of(players: Players, found: Any, how: str) -> AsyncIterator[Service[str, str]]:
    accruals = Accruals(make=lambda: FailureAccrual(randomness=random.Random(1)))
    judges = () if how == "nothing" else (accruals,)
    balancer = TwoChoices(randomness=random.Random(1), is_available=available(*judges))
    async with balanced(found, balancer, players.connect, judges=judges) as service:
        again = retries(RetryBudget(), randomness=random.Random(1), is_idempotent=lambda request: True)
        yield again(service) if "retry" in how else service


async def failures(at_a_place: Any, new_way: Any, how: str, events: dict[float, str], state: Path) -> int:
    """How many calls failed while `events` happened, by the second at which each does."""
    failed = 0
    async with at_a_place(state, preserves_itself=False) as (place, nursery):
        players = Players(place, new_way)

        async def happen() -> None:
            for at, event in events.items():
                await trio.sleep_until(began + at)
                match event:
                    case "kill":
                        place.kill()
                    case "start":
                        await nursery.start(place.live)
                    case "cut":
                        place.cut()
                    case "mend":
                        place.mend()
                    case name:
                        players.die(name)

        async with players.registered(), place.client().watch("players") as found:
            async with client_of(players, found, how) as call:
                began = trio.current_time()
                nursery.start_soon(happen)
                for number in range(int(SECONDS / EVERY)):
                    await trio.sleep_until(began + number * EVERY)
                    try:
                        await call("x")
                    except CallFailed:
                        failed += 1
            for name in players.dead:
                players.ways[name].mend()
    return failed


STORIES = {
    "the registry is killed for a minute": {30.0: "kill", 90.0: "start"},
    "the registry is cut off for a minute": {30.0: "cut", 90.0: "mend"},
    "an instance dies": {30.0: "a1"},
    "the registry is killed, an instance dies": {30.0: "kill", 40.0: "a1", 90.0: "start"},
}


@pytest.mark.parametrize("story", STORIES)
async def test_failed_calls(at_a_place: Any, new_way: Any, tmp_path: Path, story: str) -> None:
    failed = [await failures(at_a_place, new_way, how, STORIES[story], tmp_path / how) for how in CLIENTS]
    counts = "  ".join(f"{how} {count:3}" for how, count in zip(CLIENTS, failed, strict=True))
    print(f"{story:42} of {SECONDS / EVERY:.0f}:  {counts}")
    naive, ejecting, retrying = failed
    if "dies" in story:
        assert naive > 100, "a lease alone: a third of all calls, until it is over and swept"
        assert 5 <= ejecting < 20, "five failures, and the probes"
        assert retrying == 0
    else:
        assert failed == [0, 0, 0], "the last answer serves on"
