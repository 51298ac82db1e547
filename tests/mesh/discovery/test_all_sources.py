"""What every source of discovery does, asked of all: a hosts file, DNS, our registry, real ZooKeeper, real etcd.

Each is put into a *world*, in which somebody makes instances come, go and die, and the source itself be killed and come
back. The hosts file and our registry live in virtual time; the others, which are processes or need the kernel, in real
time, with leases of a second or two.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest
import trio
import trio.testing

from labs.testbed import components
from mesh.discovery import EVERYWHERE, CannotDiscover, Discovery, Found
from mesh.discovery.dns import Dns, Resolver, Zone
from mesh.discovery.dns import serve as serve_dns
from mesh.discovery.etcd import Etcd
from mesh.discovery.hosts import Hosts
from mesh.discovery.zookeeper import ZooKeeper
from mesh.instances import Instance

A1 = Instance("players", "10.0.0.1", "10.0.0.1", 8080, {"environment": "production"})
A2 = Instance("players", "10.0.0.2", "10.0.0.2", 8080, {"environment": "test"})


class World(Protocol):
    """A source, and what happens to it and in it. Times are seconds."""

    source: Discovery
    within: float
    """A change is seen after so long at the latest."""
    lease: tuple[float, float] | None
    """Who dies without a word is forgotten not before, and not after; None: never."""
    knows_attributes: bool

    async def come(self, instance: Instance) -> None: ...
    async def go(self, instance: Instance) -> None: ...
    async def die(self, instance: Instance) -> None: ...
    async def freeze(self, instance: Instance) -> None: ...
    async def thaw(self, instance: Instance) -> None: ...
    async def kill(self) -> None: ...
    async def revive(self) -> None: ...


@dataclass
class HostsWorld:
    """Somebody edits the file, or deletes it."""

    path: Path
    lines: list[str] = field(default_factory=list)
    within: float = 1.5
    lease: tuple[float, float] | None = None
    knows_attributes: bool = False

    def __post_init__(self) -> None:
        self.source = Hosts(self.path)
        self._write()

    def _write(self) -> None:
        self.path.write_text("".join(self.lines))

    async def come(self, instance: Instance) -> None:
        self.lines.append(f"{instance.address} {instance.service}\n")
        self._write()

    async def go(self, instance: Instance) -> None:
        self.lines.remove(f"{instance.address} {instance.service}\n")
        self._write()

    async def die(self, instance: Instance) -> None:
        """Nobody edits the file."""

    async def kill(self) -> None:
        self.path.unlink()

    async def revive(self) -> None:
        self._write()


@dataclass
class DnsWorld:
    """Somebody edits the zone, whose records may be believed for a second."""

    nursery: trio.Nursery
    port: int
    addresses: list[str] = field(default_factory=list)
    within: float = 2.5
    lease: tuple[float, float] | None = None
    knows_attributes: bool = False
    zone: Zone = field(default_factory=lambda: Zone(origin="example.", ttl=1, negative=1))

    def __post_init__(self) -> None:
        self.source = Dns(Resolver(servers=[("127.0.0.1", self.port)], seconds=0.5), "example.")

    async def come(self, instance: Instance) -> None:
        self.addresses.append(instance.address)
        self.zone.put("players", "A", *self.addresses)

    async def go(self, instance: Instance) -> None:
        self.addresses.remove(instance.address)
        self.zone.put("players", "A", *self.addresses)

    async def die(self, instance: Instance) -> None:
        """Nobody edits the zone."""

    async def kill(self) -> None:
        self.life.cancel()

    async def revive(self) -> None:
        async def live(task_status: trio.TaskStatus[None]) -> None:
            with trio.CancelScope() as self.life:
                await serve_dns(self.zone, self.port, host="127.0.0.1", task_status=task_status)

        await self.nursery.start(live)


@dataclass
class RegistryWorld:
    """Our registry in virtual time, with the leases of its theory; it does not preserve itself, two are too few."""

    place: Any
    nursery: trio.Nursery
    new_way: Callable[[], Any]
    within: float = 10.5  # the longest pause before a source that has failed is asked again
    lease: tuple[float, float] | None = (90.0, 180.0)
    knows_attributes: bool = True

    def __post_init__(self) -> None:
        self.source = self.place.client()
        self.scopes: dict[str, trio.CancelScope] = {}
        self.ways: dict[str, Any] = {}

    async def come(self, instance: Instance) -> None:
        way = self.ways[instance.name] = self.new_way()

        async def live(task_status: trio.TaskStatus[None]) -> None:
            with trio.CancelScope() as self.scopes[instance.name]:
                async with self.place.client(way).registered(instance):
                    task_status.started()
                    await trio.sleep_forever()

        await self.nursery.start(live)

    async def go(self, instance: Instance) -> None:
        self.scopes[instance.name].cancel()

    async def die(self, instance: Instance) -> None:
        self.ways[instance.name].cut()

    async def freeze(self, instance: Instance) -> None:
        self.ways[instance.name].cut()

    async def thaw(self, instance: Instance) -> None:
        self.ways[instance.name].mend()

    async def kill(self) -> None:
        self.place.kill()

    async def revive(self) -> None:
        await self.nursery.start(self.place.live)


LIVE = """
import json, sys, trio
from mesh.discovery import {module}
from mesh.instances import Instance

async def main(said):
    async with {source}.registered(Instance(**said)):
        print("registered", flush=True)
        async with trio.open_nursery() as nursery:
            async def until_told():
                await trio.to_thread.run_sync(sys.stdin.readline)
                nursery.cancel_scope.cancel()
            nursery.start_soon(until_told)

trio.run(main, json.loads(sys.argv[1]))
"""


@dataclass
class ProcessWorld:
    """A real server, and instances that are processes: they go when told to, and die by kill -9."""

    nursery: trio.Nursery
    command: list[str]
    source: Discovery
    module: str
    made_as: str
    lease: tuple[float, float] | None
    within: float = 10.0
    knows_attributes: bool = True
    processes: dict[str, trio.Process] = field(default_factory=dict)

    async def _start(self, command: list[str], **options: Any) -> trio.Process:
        run = partial(trio.run_process, command, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process: trio.Process = await self.nursery.start(partial(run, **options))
        return process

    async def come(self, instance: Instance) -> None:
        program = LIVE.format(module=self.module, source=self.made_as)
        said = json.dumps({key: getattr(instance, key) for key in ("service", "name", "address", "port", "attributes")})
        process = await self._start([sys.executable, "-c", program, said], stdin=subprocess.PIPE)
        self.processes[instance.name] = process
        assert process.stdout
        assert b"registered" in await process.stdout.receive_some()

    async def go(self, instance: Instance) -> None:
        process = self.processes.pop(instance.name)
        assert process.stdin
        await process.stdin.send_all(b"\n")
        await process.wait()

    async def die(self, instance: Instance) -> None:
        os.kill(self.processes.pop(instance.name).pid, signal.SIGKILL)

    async def freeze(self, instance: Instance) -> None:
        os.kill(self.processes[instance.name].pid, signal.SIGSTOP)

    async def thaw(self, instance: Instance) -> None:
        os.kill(self.processes[instance.name].pid, signal.SIGCONT)

    async def kill(self) -> None:
        os.kill(self.server.pid, signal.SIGKILL)
        await self.server.wait()

    async def revive(self) -> None:
        self.server = await self._start(self.command)
        while True:  # it listens, and it answers
            try:
                async with self.source.watch("nobody"):
                    return
            except CannotDiscover:
                await trio.sleep(0.02)

    def end(self) -> None:
        """By their numbers, one by one."""
        for process in (*self.processes.values(), self.server):
            if process.returncode is None:
                os.kill(process.pid, signal.SIGKILL)


def free_port() -> int:
    """One whose next is free too: etcd wants a second one."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port: int = first.getsockname()[1]
            try:
                with socket.create_server(("127.0.0.1", port + 1)):
                    return port
            except OSError:
                continue


def zookeeper(nursery: trio.Nursery, folder: Path) -> ProcessWorld:
    port = free_port()
    made_as = f'zookeeper.ZooKeeper("127.0.0.1:{port}", session_seconds=2.0)'
    source = ZooKeeper(f"127.0.0.1:{port}", patience=1.0)
    command = components.zookeeper(folder, port)
    return ProcessWorld(nursery, command, source, "zookeeper", made_as, lease=(1.0, 4.0))


def etcd(nursery: trio.Nursery, folder: Path) -> ProcessWorld:
    port = free_port()
    made_as = f'etcd.Etcd.at("127.0.0.1", {port}, lease_seconds=2)'
    source = Etcd.at("127.0.0.1", port, patience=1.0)
    return ProcessWorld(nursery, components.etcd(folder, port), source, "etcd", made_as, lease=(1.0, 4.0))


@asynccontextmanager
async def world_of(kind: str, folder: Path, at_a_place: Any, new_way: Any) -> AsyncIterator[World]:
    if kind == "registry":
        async with at_a_place(folder / "state", preserves_itself=False) as (place, nursery):
            yield RegistryWorld(place, nursery, new_way)
        return
    async with trio.open_nursery() as nursery:
        if kind == "hosts":
            yield HostsWorld(folder / "hosts")
        elif kind == "dns":
            dns = DnsWorld(nursery, free_port())
            await dns.revive()
            yield dns
        else:
            world = {"zookeeper": zookeeper, "etcd": etcd}[kind](nursery, folder)
            await world.revive()
            try:
                yield world
            finally:
                world.end()
        nursery.cancel_scope.cancel()


@pytest.fixture(params=["hosts", "dns", "registry", "zookeeper", "etcd"])
def run(
    request: pytest.FixtureRequest, tmp_path: Path, at_a_place: object, new_way: object
) -> Callable[[Callable[[World], Any]], None]:
    """Runs a test in a world, in its time."""

    def run(test: Callable[[World], Any]) -> None:
        async def main() -> None:
            with trio.fail_after(3600 if is_virtual else 50):
                async with world_of(request.param, tmp_path, at_a_place, new_way) as world:
                    await test(world)

        is_virtual = request.param in ("hosts", "registry")
        try:
            trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0) if is_virtual else None)
        except* components.NotHere as missing:
            pytest.skip(str(missing.exceptions[0]))

    return run


async def sees(found: Found, *instances: Instance, within: float) -> float:
    """Wait until these are found, and return how many seconds that took."""
    began = trio.current_time()
    with trio.move_on_after(within):
        while [each.address for each in found.instances] != [each.address for each in instances]:
            await found.changed(found.instances)
    assert [each.address for each in found.instances] == [each.address for each in instances], found.failure
    return trio.current_time() - began


async def until(holds: Callable[[], bool], within: float = 60.0) -> None:
    with trio.fail_after(within):
        while not holds():  # noqa: ASYNC110 - a failure wakes nobody, for nobody should wait for one
            await trio.sleep(0.01)


def test_who_comes_is_found_and_who_goes_is_not(run: Callable[[Any], None]) -> None:
    async def test(world: World) -> None:
        async with world.source.watch("players") as found:
            assert found.instances == ()
            await world.come(A1)
            await world.come(A2)
            await sees(found, A1, A2, within=world.within)
            known = found.instances if world.knows_attributes else (A1, A2)
            assert [(each.address, each.port, each.attributes) for each in known] == [
                (each.address, each.port, each.attributes) for each in (A1, A2)
            ]
            await world.go(A1)
            print(f"seen after {await sees(found, A2, within=world.within):.3f} s")

    run(test)


def test_a_query_is_answered_or_refused(run: Callable[[Any], None]) -> None:
    async def test(world: World) -> None:
        await world.come(A1)
        await world.come(A2)
        query = {"environment": "production"}
        if not world.knows_attributes:
            with pytest.raises(CannotDiscover, match="environment"):
                world.source.watch("players", query)
            return
        async with world.source.watch("players", query) as found:
            await sees(found, A1, within=world.within)
            await world.go(A1)
            await sees(found, within=world.within)
            await world.come(replace(A2, attributes=query))
            await sees(found, A2, within=world.within)

    run(test)


def test_who_dies_without_a_word_is_forgotten_when_its_lease_is_over(run: Callable[[Any], None]) -> None:
    async def test(world: World) -> None:
        await world.come(A1)
        await world.come(A2)
        async with world.source.watch("players") as found:
            await sees(found, A1, A2, within=world.within)
            await world.die(A1)
            if world.lease is None:
                await trio.sleep(world.within)
                assert len(found.instances) == 2, "nobody holds a lease here: it stays for ever"
                return
            earliest, latest = world.lease
            took = await sees(found, A2, within=latest)
            print(f"forgotten after {took:.1f} s")
            assert took >= earliest

    run(test)


@pytest.mark.parametrize("run", ["registry", "zookeeper", "etcd"], indirect=True)
def test_who_was_silent_for_too_long_registers_again_by_itself(run: Callable[[Any], None]) -> None:
    async def test(world: World) -> None:
        await world.come(A1)
        await world.come(A2)
        async with world.source.watch("players") as found:
            assert world.lease
            await sees(found, A1, A2, within=world.within)
            await world.freeze(A1)
            await sees(found, A2, within=world.lease[1])
            await world.thaw(A1)
            print(f"there again after {await sees(found, A1, A2, within=world.within):.1f} s")

    run(test)


@pytest.mark.parametrize("run", ["registry", "zookeeper", "etcd"], indirect=True)
def test_nothing_is_missed_while_many_come_and_go(run: Callable[[Any], None]) -> None:
    async def test(world: Any) -> None:
        async def come_and_go(number: int) -> None:
            for time in range(5):
                instance = replace(A1, name=f"a{number}", attributes={"time": str(time)})
                async with world.source.registered(instance):
                    await trio.sleep(0.001 * number)

        async with world.source.watch("players") as found:
            async with trio.open_nursery() as nursery:
                for number in range(6):
                    nursery.start_soon(come_and_go, number)
            async with world.source.registered(A2):
                await sees(found, A2, within=world.within)
            await sees(found, within=world.within)

    run(test)


def test_when_the_source_is_killed_the_last_answer_serves_on_until_it_is_back(run: Callable[[Any], None]) -> None:
    async def test(world: World) -> None:
        await world.come(A1)
        async with world.source.watch("players", EVERYWHERE) as found:
            await sees(found, A1, within=world.within)
            await world.kill()
            await until(lambda: bool(found.failure))
            print(found.failure)
            assert [each.address for each in found.instances] == [A1.address]
            with pytest.raises(CannotDiscover):
                async with world.source.watch("players"):
                    pass
            await world.revive()
            await world.come(A2)
            took = await sees(found, A1, A2, within=world.within)
            assert found.failure == ""
            print(f"fresh again after {took:.1f} s")

    run(test)
