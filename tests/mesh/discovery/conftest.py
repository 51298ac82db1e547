"""A registry in virtual time; and real time for those tests whose other side is a process of its own."""

import inspect
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from mesh.discovery.registry import Desk, RegistryClient
from mesh.discovery.registry.desk import NoStore
from mesh.discovery.registry.server import Front
from mesh.discovery.registry.store import SqliteStore
from mesh.http.server import Server
from mesh.policies.leases import Registry


@pytest.fixture
def real_time() -> None:
    """Asked for by a test whose other side is a process of its own, which knows nothing of our clock."""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an async test in real time if it wants that, for a minute at most."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj) or "real_time" not in pyfuncitem.fixturenames:
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}

    async def run() -> None:
        with trio.fail_after(60):
            await pyfuncitem.obj(**arguments)

    trio.run(run)
    return True


class Way:
    """To the registry and back, for one client; it may be cut."""

    def __init__(self) -> None:
        self.whole = trio.Event()
        self.mend()

    def cut(self) -> None:
        """Nothing gets through, not even the end of a connection."""
        self.whole = trio.Event()

    def mend(self) -> None:
        """Everything arrives that was under way."""
        self.whole.set()


@dataclass(eq=False)
class Wire(trio.abc.Stream):
    """One end of a connection on a way."""

    way: Way
    stream: trio.abc.Stream

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        data = bytes(await self.stream.receive_some(max_bytes))
        await self.way.whole.wait()
        return data

    async def aclose(self) -> None:
        await self.stream.aclose()


class Place:
    """Where a registry is: it is started there, killed, cut off, and started again. `told` are the requests it got."""

    def __init__(self, state: Path | None = None, **leases: object) -> None:
        self.state, self.leases, self.silent_for = state, leases, 0.0
        self.desk: Desk | None = None
        self.told: list[str] = []
        self.told_at: list[float] = []
        self.ways: list[Way] = []
        self._life = trio.CancelScope()

    async def live(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Be a registry until killed."""
        leases = Registry(randomness=random.Random(1), **self.leases)  # type: ignore[arg-type]
        store = SqliteStore(self.state) if self.state else NoStore()
        with trio.CancelScope() as self._life:
            async with trio.open_nursery() as self._nursery:
                self.desk = Desk(leases=leases, now=trio.current_time(), store=store, silent_for=self.silent_for)
                front = Front(self.desk, random.Random(1))

                async def handle(request):  # type: ignore[no-untyped-def]
                    self.told.append(f"{request.method} {request.target}")
                    self.told_at.append(trio.current_time())
                    return await front.handle(request)

                self._server = Server(handle)
                self._nursery.start_soon(front.sweep)
                task_status.started()
        self.desk = None
        if isinstance(store, SqliteStore):
            store.close()

    def kill(self) -> None:
        """All of its connections end."""
        self._life.cancel()

    def cut(self) -> None:
        """Cut it off from everybody."""
        for way in self.ways:
            way.cut()

    def mend(self) -> None:
        """And no longer."""
        for way in self.ways:
            way.mend()

    async def connect(self, way: Way) -> trio.abc.Stream:
        """As to a host: refused where nobody listens, and without an answer while the way is cut."""
        await way.whole.wait()
        if self.desk is None:
            raise ConnectionRefusedError("nobody listens")
        near, far = trio.testing.memory_stream_pair()
        self._nursery.start_soon(self._server.serve, Wire(way, far))
        return Wire(way, near)

    def client(self, way: Way | None = None, **options: object) -> RegistryClient:
        """Somebody who knows the place."""
        way = way or Way()
        self.ways.append(way)
        return RegistryClient(partial(self.connect, way), randomness=random.Random(len(self.ways)), **options)  # type: ignore[arg-type]


@asynccontextmanager
async def registry_at_a_place(state: Path | None = None, **leases: object) -> AsyncIterator[tuple[Place, trio.Nursery]]:
    """A registry that lives until the end of the block."""
    place = Place(state, **leases)
    async with trio.open_nursery() as nursery:
        await nursery.start(place.live)
        yield place, nursery
        nursery.cancel_scope.cancel()


@pytest.fixture
def at_a_place() -> object:
    """`registry_at_a_place`."""
    return registry_at_a_place


@pytest.fixture
def new_way() -> type[Way]:
    """`Way`."""
    return Way
