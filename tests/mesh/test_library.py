"""The library: a client and services of the same process, on a host of our own, in virtual time."""

import os
import random
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest
import trio

import mesh
from mesh.discovery import EVERYWHERE, Found
from mesh.endpoints import Endpoints, balancing, build, for_each
from mesh.environment import NoRegistry
from mesh.failures import CallFailed, Rejected, Status
from mesh.instances import Instance
from mesh.layers import deadline
from mesh.parts import Parts, Settings
from mesh.policies.budget import RetryBudget
from mesh.policies.round_robin import RoundRobin
from mesh.service import Layer, Named, Stack
from netstack.driver import own_host
from netstack.host import Host

REDS = ["Ada", "Grace"]
ROOT = Path(__file__).parents[2]


@dataclass
class Book:
    """Who is where, on paper: it answers at once, and forgets nobody by itself."""

    instances: list[Instance] = field(default_factory=list)
    watched: list[tuple[str, Mapping[str, str], Found]] = field(default_factory=list)

    @asynccontextmanager
    async def watch(self, service: str, query: Mapping[str, str] = EVERYWHERE) -> AsyncIterator[Found]:
        found = Found()
        self.watched.append((service, query, found))
        self._tell()
        yield found

    @asynccontextmanager
    async def registered(self, instance: Instance) -> AsyncIterator[None]:
        self.instances.append(instance)
        self._tell()
        try:
            yield
        finally:
            self.instances.remove(instance)
            self._tell()

    def _tell(self) -> None:
        for service, query, found in self.watched:
            found.answered([one for one in self.instances if one.service == service and one.fits(query)])


@asynccontextmanager
async def running(book: Book, *services: Callable[..., Awaitable[None]]) -> AsyncIterator[list[trio.CancelScope]]:
    """Some services, until they are cancelled one by one, or the block ends."""
    async with own_host(Host(interfaces=[], randomness=random.Random(1)), []), trio.open_nursery() as nursery:
        scopes = []

        async def run(
            scope: trio.CancelScope, service: Callable[..., Awaitable[None]], *, task_status: trio.TaskStatus[Instance]
        ) -> None:
            with scope:
                await service(registration=book, task_status=task_status)

        for service in services:
            scopes.append(trio.CancelScope())
            await nursery.start(run, scopes[-1], service)
        yield scopes
        for scope in scopes:
            scope.cancel()


def players(
    name: str,
    *,
    seconds: float = 0.0,
    failing: Status | None = None,
    asked: Counter[str] | None = None,
    **attributes: str,
) -> Callable[..., Awaitable[None]]:
    """An instance of *players* that takes so long, or fails so."""

    async def of(team: str) -> list[str]:
        if asked is not None:
            asked[name] += 1
        await trio.sleep(seconds)
        if failing:
            raise CallFailed(failing, name)
        return REDS if team == "Reds" else []

    serve: Callable[..., Awaitable[None]] = mesh.serve
    return partial(serve, "players", {"of": of}, name=name, port=0, **attributes)


async def test_a_service_is_called_by_its_name_and_by_what_it_says_of_itself() -> None:
    book, asked = Book(), Counter[str]()
    async with (
        running(
            book,
            players("a", asked=asked, environment="production"),
            players("b", asked=asked, environment="staging"),
        ),
        mesh.client("players", discovery=book, environment="production") as client,
    ):
        assert [await client.call("of", {"team": team}) for team in ("Reds", "Blues")] == [REDS, []]
        assert asked == {"a": 2}
        assert client.calls.requests == 2
        assert client.calls.success_rate == 1.0


@pytest.mark.parametrize(
    ("method", "arguments", "status"),
    [
        ("off", {"team": "Reds"}, Status.UNIMPLEMENTED),
        ("of", {}, Status.INVALID_ARGUMENT),
        ("of", {"team": "Reds", "now": True}, Status.INVALID_ARGUMENT),
    ],
)
async def test_what_nobody_answers_to_is_the_callers_mistake(
    method: str, arguments: dict[str, object], status: Status
) -> None:
    book = Book()
    async with running(book, players("a")), mesh.client("players", discovery=book) as client:
        with pytest.raises(CallFailed) as failed:
            await client.call(method, arguments)
        assert failed.value.status is status


async def test_a_retry_picks_again() -> None:
    """One of two instances is not there any more, and the book does not know: no caller notices."""
    book = Book()
    book.instances.append(Instance("players", "gone", "127.0.0.1", 9))
    async with running(book, players("here")), mesh.client("players", discovery=book) as client:
        for _ in range(20):
            assert await client.call("of", {"team": "Reds"}) == REDS
        assert client.calls.requests == 20


async def test_only_a_call_with_a_key_is_made_again_when_it_was_perhaps_done() -> None:
    book, asked = Book(), Counter[str]()
    async with (
        running(book, players("a", failing=Status.UNAVAILABLE, asked=asked)),
        mesh.client("players", discovery=book) as client,
    ):
        for key, tries in (("", 1), ("0815", 3)):
            asked.clear()
            with pytest.raises(CallFailed):
                await client.call("of", {"team": "Reds"}, key=key)
            assert asked["a"] == tries


async def test_one_who_hangs_is_left_alone() -> None:
    """Accrual stands above the timeout: five time-outs in a row, and the balancer goes elsewhere."""
    book, asked = Book(), Counter[str]()
    services = players("slow", seconds=60, asked=asked), players("quick", asked=asked)
    async with (
        running(book, *services),
        mesh.client(
            "players", discovery=book, stack=lambda stack: stack.replace("balancer", balancing(in_turns))
        ) as client,
    ):
        for number in range(40):
            assert await client.call("of", {"team": "Reds"}, key=str(number)) == REDS
        assert asked["slow"] == 5


def in_turns(is_available: Callable[[Any], bool]) -> RoundRobin:
    """A balancer that takes instances in turn, and passes over those that look dead."""

    class Turns(RoundRobin):
        def pick(self, *, now: float = 0.0) -> Any:
            one = super().pick()
            for _ in self.endpoints:
                if is_available(one):
                    break
                one = super().pick()
            return one

    return Turns()


async def test_the_breaker_opens_for_all_calls_of_the_client() -> None:
    book, asked = Book(), Counter[str]()
    bad = [players(name, failing=Status.INTERNAL, asked=asked) for name in "ab"]
    async with running(book, *bad), mesh.client("players", discovery=book) as client:
        outcomes = Counter[type]()
        for _ in range(30):
            with pytest.raises(CallFailed) as failed:
                await client.call("of", {"team": "Reds"})
            outcomes[type(failed.value)] += 1
        assert outcomes == {CallFailed: 20, Rejected: 10}
        assert asked.total() == 20


async def test_the_deadline_holds_for_all_tries_together() -> None:
    book = Book()
    settings = Settings(deadline=2.5, timeout=1.0, tries=10)
    async with (
        running(book, players("a", seconds=60)),
        mesh.client("players", discovery=book, settings=settings) as client,
    ):
        began = trio.current_time()
        with pytest.raises(CallFailed) as failed:
            await client.call("of", {"team": "Reds"}, key="1")
        assert failed.value.status is Status.DEADLINE_EXCEEDED
        assert trio.current_time() - began == pytest.approx(2.5)


async def test_there_is_one_budget_for_all_calls() -> None:
    book, budgets = Book(), []

    def budget() -> RetryBudget:
        budgets.append(RetryBudget(reserve=0))
        return budgets[-1]

    parts = Parts(budget=budget)
    async with running(book, players("a")), mesh.client("players", discovery=book, parts=parts) as client:
        await client.call("of", {"team": "Reds"})
        await client.call("of", {"team": "Reds"})
        assert len(budgets) == 1
        assert budgets[0].balance(now=trio.current_time()) == pytest.approx(2 * 0.2)


async def test_a_role_can_be_replaced_taken_out_and_added() -> None:
    book, seen = Book(), []

    def noting(service: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
        async def call(request: Any) -> Any:
            seen.append(request.method)
            return await service(request)

        return call

    def mine(stack: Stack[Any, Any]) -> Stack[Any, Any]:
        return stack.remove("accrual").replace("breaker", noting).insert_before("timeout", "log", each_noting)

    each_noting: Layer[Any, Any] = for_each(lambda instance: noting)
    async with running(book, players("a")), mesh.client("players", discovery=book, stack=mine) as client:
        assert client.stack.roles == ("statistics", "deadline", "retries", "breaker", "balancer", "log", "timeout")
        await client.call("of", {"team": "Reds"})
        assert seen == ["of", "of"]


async def test_every_role_says_why_it_stands_there() -> None:
    async with mesh.client("players", discovery=Book()) as client:
        assert all(named.why for named in client.stack)


@pytest.mark.parametrize(
    "layers",
    [
        pytest.param([("timeout", for_each(lambda instance: deadline(1)))], id="no balancer"),
        pytest.param([("balancer", balancing(in_turns)), ("timeout", deadline(1))], id="not for each"),
        pytest.param(
            [("timeout", for_each(lambda instance: deadline(1))), ("balancer", balancing(in_turns))], id="above it"
        ),
    ],
)
async def test_a_stack_that_cannot_be_built_is_refused(layers: list[tuple[str, Layer[Any, Any]]]) -> None:
    stack = Stack(tuple(Named(role, layer) for role, layer in layers))

    def nowhere(instance: Instance) -> NoReturn:
        raise AssertionError("nobody is asked")

    with pytest.raises(TypeError, match="balancer"):
        build(stack, Endpoints(Found(), nowhere))


async def test_who_ends_in_order_fails_nobody() -> None:
    """An instance is cancelled while people ask: it leaves the book, goes on for a second, and answers to the end."""
    book, asked = Book(), Counter[str]()
    services = [players(name, seconds=0.3, asked=asked) for name in "ab"]
    async with running(book, *services) as scopes, mesh.client("players", discovery=book) as client:
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(client.call, "of", {"team": "Reds"})
                await trio.sleep(0.02)
                if asked.total() == 25:
                    scopes[0].cancel()
        before = asked["a"]
        assert before > 5
        await trio.sleep(2)
        for _ in range(10):
            await client.call("of", {"team": "Reds"})
        assert asked["a"] == before
        assert client.calls.success_rate == 1.0


async def test_without_a_registry_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MESH_REGISTRY", raising=False)
    with pytest.raises(NoRegistry, match="set MESH_REGISTRY"):
        async with mesh.client("players"):
            pass


def test_the_lines_of_the_readme() -> None:
    """The README's two programs, each in a process of its own, and a registry in a third."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## A service imports")[2].partition("\n## ")[0]
    asks, serves = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len([line for line in asks.splitlines() if line]) <= 10
    serves = serves.replace('environment="production"', 'environment="production", port=0, linger=0')
    port = a_free_port()
    where = {"MESH_REGISTRY": f"127.0.0.1:{port}"}
    with started("-m", "mesh.discovery.registry", "--host", "127.0.0.1", "--port", str(port)) as registry:
        assert registry.stdout is not None
        assert "listening" in registry.stdout.readline()
        with started("-c", serves, **where):
            for _ in range(20):  # until the service has registered
                done = subprocess.run(
                    [sys.executable, "-c", asks],
                    env=os.environ | where,
                    cwd=ROOT,
                    capture_output=True,
                    text=True,
                    timeout=30,
                )
                if done.returncode == 0:
                    break
    assert done.stdout.startswith("['Ada', 'Grace']\n"), done.stderr
    assert "above the balancer: each try picks again" in done.stdout


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def started(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A Python of its own, ended at the end."""
    process = subprocess.Popen(
        [sys.executable, *arguments], env=os.environ | environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)
