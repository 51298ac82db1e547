"""Calls to a service whose instances come, go and fail: who gets them, what is closed when, what the caller sees."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trio

from mesh.discovery import Found
from mesh.failures import CallFailed, Status
from mesh.instances import Instance
from mesh.layers import Endpoint, available, balanced, deadline, retries
from mesh.layers.balanced import CLOSING_SECONDS
from mesh.layers.health import Judge
from mesh.policies.accrual import Accruals, FailureAccrual
from mesh.policies.balance import LeastLoaded, PeakEwma, TwoChoices
from mesh.policies.budget import RetryBudget
from mesh.policies.outlier import OutlierDetection
from mesh.policies.round_robin import RoundRobin
from mesh.service import Service, Stack


def instance(name: str) -> Instance:
    return Instance("players", name, "10.0.0.1", 8080)


@dataclass
class World:
    """The instances' side: how each behaves, what it was asked, and whether its connections are still open."""

    seconds: dict[str, float] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    calls: Counter[str] = field(default_factory=Counter)
    closing: float = 0
    built: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    found: Found = field(default_factory=Found)

    def are(self, *names: str) -> None:
        self.found.answered(tuple(instance(name) for name in names))

    def connect(self, instance: Instance) -> Endpoint[str, str]:
        name = instance.name
        self.built.append(name)

        async def service(request: str) -> str:
            self.calls[name] += 1
            await trio.sleep(self.seconds.get(name, 0.01))
            if name in self.failing:
                raise CallFailed(Status.UNAVAILABLE, maybe_done=False)
            return name

        async def aclose() -> None:
            await trio.sleep(self.closing)  # it is a checkpoint at least: who is cancelled comes no further
            self.closed.append(name)

        return Endpoint(service, aclose)

    @asynccontextmanager
    async def client(self, *judges: Judge, timeout: float = 5.0) -> AsyncIterator[Service[str, str]]:
        balancer = TwoChoices(randomness=random.Random(1), make=LeastLoaded, is_available=available(*judges))
        stack = Stack[str, str]().push("timeout", deadline(timeout), why="a judge above it sees who is too slow")
        async with balanced(self.found, balancer, self.connect, judges=judges, each=lambda _: stack) as service:
            yield service


async def test_nobody_is_there() -> None:
    world = World()
    async with world.client() as players:
        with pytest.raises(CallFailed) as failed:
            await players("x")
        assert failed.value.status is Status.UNAVAILABLE
        assert not failed.value.maybe_done
        world.found.failure = "the registry does not answer"
        with pytest.raises(CallFailed, match="the registry does not answer"):
            await players("x")


async def test_an_endpoint_is_built_once_for_all_calls_and_closed_at_the_end() -> None:
    world = World()
    world.are("a", "b", "c")
    async with world.client() as players:
        for _ in range(60):
            await players("x")
        assert set(world.calls) == {"a", "b", "c"}
        assert (sorted(world.built), world.closed) == (["a", "b", "c"], [])
    assert sorted(world.closed) == ["a", "b", "c"]


async def test_all_endpoints_are_closed_when_the_client_is_cancelled() -> None:
    world = World()
    world.are("a", "b", "c")
    with trio.CancelScope() as everything:
        async with world.client() as players:
            await players("x")
            everything.cancel()
            await trio.lowlevel.checkpoint()
    assert everything.cancelled_caught
    assert sorted(world.closed) == ["a", "b", "c"]


async def test_an_endpoint_that_never_closes_keeps_nobody() -> None:
    world = World(closing=float("inf"))
    world.are("a", "b")
    with trio.CancelScope() as everything:
        async with world.client() as players:
            await players("x")
            everything.cancel()
            began = trio.current_time()
    assert trio.current_time() - began == CLOSING_SECONDS


async def test_an_instance_that_goes_finishes_its_calls_first() -> None:
    world = World(seconds={"a": 3})
    world.are("a")
    answers: list[str] = []
    async with world.client() as players, trio.open_nursery() as nursery:

        async def ask() -> None:
            answers.append(await players("x"))

        nursery.start_soon(ask)
        nursery.start_soon(ask)
        await trio.sleep(1)
        world.are("b")
        await ask()
        assert (answers, world.closed) == (["b"], [])
        await trio.sleep(2.5)
        assert (answers, world.closed) == (["b", "a", "a"], ["a"])


async def test_who_has_gone_and_come_back_is_somebody_new() -> None:
    world = World(seconds={"a": 3})
    world.are("a")
    balancer = TwoChoices(randomness=random.Random(1))
    async with balanced(world.found, balancer, world.connect) as players, trio.open_nursery() as nursery:
        nursery.start_soon(players, "x")
        await trio.sleep(1)
        world.are()
        with pytest.raises(CallFailed):
            await players("x")
        world.are("a")
        nursery.start_soon(players, "x")
        await trio.sleep(2.5)
        assert (world.built, world.closed) == (["a", "a"], ["a"])
        assert balancer._loads[instance("a")].load(now=0) == 1  # the first one's end is not the second one's


async def test_a_cancelled_call_is_no_load_any_more() -> None:
    world = World(seconds={"a": 100})
    world.are("a")
    balancer = TwoChoices(randomness=random.Random(1))
    async with balanced(world.found, balancer, world.connect) as players:
        with trio.move_on_after(1):
            await players("x")
        assert balancer._loads[instance("a")].load(now=0) == 0


async def test_a_slow_instance_gets_less() -> None:
    world = World(seconds={"a": 1.0, "b": 0.01, "c": 0.01})
    world.are("a", "b", "c")
    balancer = TwoChoices(randomness=random.Random(1), make=PeakEwma)
    async with balanced(world.found, balancer, world.connect) as players:
        for _ in range(300):
            await players("x")
    assert world.calls["a"] <= 5


async def test_they_take_turns() -> None:
    world = World()
    world.are("a", "b")
    async with balanced(world.found, RoundRobin(), world.connect) as players:
        assert [await players("x") for _ in range(4)] == ["a", "b", "a", "b"]


@pytest.mark.parametrize("how", ["fails", "is too slow"])
async def test_a_dead_endpoint_is_left_alone_and_probed(how: str) -> None:
    world = World(failing={"a"}) if how == "fails" else World(seconds={"a": 60})
    world.are("a", "b", "c")
    accruals = Accruals(make=lambda: FailureAccrual(randomness=random.Random(1)))
    async with world.client(accruals, timeout=0.5) as players:

        async def ask(times: int) -> int:
            failures = 0
            for _ in range(times):
                try:
                    await players("x")
                except CallFailed:
                    failures += 1
            return failures

        assert await ask(100) == 5  # in a row, and no more
        await trio.sleep(10)
        assert await ask(100) == 1  # the probe
        world.failing.clear()
        world.seconds.clear()
        await trio.sleep(20)
        assert await ask(100) == 0
        assert world.calls["a"] > 20


async def test_the_callers_own_mistakes_and_patience_say_nothing_about_an_endpoint() -> None:
    world = World(seconds={"a": 60})
    world.are("a", "b")
    accruals = Accruals(make=lambda: FailureAccrual(randomness=random.Random(1)))
    async with world.client(accruals, timeout=100) as players:
        for _ in range(50):
            with trio.move_on_after(1):
                await players("x")
        assert accruals.is_available(instance("a"), now=trio.current_time())


async def test_when_most_are_ejected_all_are_used_again() -> None:
    world = World(failing={"a", "b"})
    world.are("a", "b", "c")
    detection = OutlierDetection(most_percent=100)
    async with world.client(detection) as players:
        for _ in range(200):
            with trio.move_on_after(1):
                try:
                    await players("x")
                except CallFailed:
                    pass
        assert detection.in_panic(now=trio.current_time())
        assert world.calls["a"] + world.calls["b"] > 50  # a third is left, which is less than half


async def test_a_retry_goes_elsewhere() -> None:
    world = World(failing={"a"})
    world.are("a", "b")
    accruals = Accruals(make=lambda: FailureAccrual(randomness=random.Random(1), in_a_row=1))
    again = retries(RetryBudget(), randomness=random.Random(1), is_idempotent=lambda _: True)
    async with world.client(accruals) as players:
        answers = [await again(players)("x") for _ in range(50)]
    assert set(answers) == {"b"}
    assert world.calls["a"] == 1
