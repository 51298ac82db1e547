"""The same registry and clients on the kernel's TCP, in two processes, and on simulated hosts in virtual time."""

import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import trio
from mininet.topo import Topo

from labs.testbed import jump
from labs.testbed.program.host import Host
from labs.testbed.scene import Limits, Program, Scene
from mesh.discovery.registry import Desk, RegistryClient, serve
from mesh.instances import Instance
from mesh.policies.leases import Registry
from netstack.wire import SECOND, Fault

A1 = Instance("players", "a1", "10.0.0.2", 8080, {"environment": "production"})


async def test_a_registry_process_is_killed_and_comes_back_with_what_it_knew(real_time: None, tmp_path: Path) -> None:
    port, state = free_port(), str(tmp_path / "state")
    async with trio.open_nursery() as nursery:
        first = await start(nursery, port, state)
        client = RegistryClient.at("127.0.0.1", port)
        async with client.registered(A1), client.watch("players", {"environment": "production"}) as found:
            os.kill(first.pid, signal.SIGKILL)
            await until(lambda: bool(found.failure))
            assert [each.name for each in found.instances] == ["a1"], "the last answer serves on"
            await start(nursery, port, state)
            async with RegistryClient.at("127.0.0.1", port).watch("players") as known:
                assert [each.name for each in known.instances] == ["a1"], "the state was kept through kill -9"
            await until(lambda: not found.failure)
        nursery.cancel_scope.cancel()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


async def start(nursery: trio.Nursery, port: int, state: str) -> trio.Process:
    command = [sys.executable, "-m", "mesh.discovery.registry", "--host=127.0.0.1", f"--port={port}", "--state", state]
    process = await nursery.start(partial(trio.run_process, command, stdout=subprocess.PIPE, check=False))
    assert process.stdout
    assert b"listening" in await process.stdout.receive_some()
    return process  # type: ignore[no-any-return]


async def until(holds: Callable[[], bool]) -> None:
    with trio.fail_after(10):
        while not holds():  # noqa: ASYNC110 - a failure wakes nobody, for nobody should wait for one
            await trio.sleep(0.01)


class Three(Topo):
    """A registry, and a service that also looks for its own kind."""

    def build(self) -> None:
        registry = self.addHost("r", ip="10.0.0.1/24")
        self.addLink(registry, self.addHost("a", ip="10.0.0.2/24"), delay="5ms")


def test_on_simulated_hosts_through_a_cut_of_a_minute() -> None:
    seen: list[tuple[float, list[str], str]] = []

    async def registry(host: Host) -> None:
        desk = Desk(leases=Registry(randomness=random.Random(1)), now=trio.current_time())
        await serve(desk)

    async def player(host: Host) -> None:
        client = RegistryClient.at("r", wait=10.0)
        async with client.registered(A1), client.watch("players") as found:
            while True:
                seen.append((trio.current_time(), [each.name for each in found.instances], found.failure))
                await trio.sleep(5)

    scene = Scene(
        name="cut",
        topology=Three,
        programs=(Program(host="r"), Program(host="a")),
        script=(Fault("cut", "r-a", "", 20 * SECOND, 80 * SECOND),),
        limits=Limits(time=200 * SECOND),
    )
    jump.play(scene, {"r": registry, "a": player}, seed=1)
    print(*seen, sep="\n")
    assert all(names == ["a1"] for _, names, _ in seen)
    assert {bool(failure) for at, _, failure in seen if 40 < at < 80} == {True}
    assert {failure for at, _, failure in seen if at > 120} == {""}
