"""Real ZooKeeper on an emulated network: an instance whose line is cut loses its session, and registers again."""

from pathlib import Path

import pytest
from mininet.topo import Topo

from labs.story.trace import PortEvent
from labs.testbed import components, emulated, enclave
from labs.testbed.cast import Cast
from labs.testbed.scene import Limits, Port, Program, Scene
from netstack.wire import SECOND, Fault


class Line(Topo):
    """ZooKeeper on z, between an instance of players on a, and somebody who looks for it on b."""

    def build(self, *_: object, **__: object) -> None:
        z = self.addHost("z", ip="10.0.1.9/24")
        self.addLink(self.addHost("a", ip="10.0.1.1/24"), z, delay="2ms")
        self.addLink(z, self.addHost("b", ip="10.0.2.1/24"), params1={"ip": "10.0.2.9/24"}, delay="2ms")


ZOOKEEPER = """
import pathlib, subprocess, tempfile, trio

async def main(host):
    *command, config = host.arguments["command"]  # its folder is out here; programs have a /tmp of their own
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder, "zoo.cfg")
        here.write_text(host.arguments["config"].replace(str(pathlib.Path(config).parent), folder))
        await trio.run_process([*command, str(here)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
"""
PLAYER = """
import trio
from mesh.discovery import CannotRegister
from mesh.discovery.zookeeper import ZooKeeper
from mesh.instances import Instance

async def main(host):
    registry = ZooKeeper("10.0.1.9:2181", session_seconds=1.5, patience=1.0)
    while True:
        try:
            async with registry.registered(Instance("players", "a1", "10.0.1.1", 8080)):
                await trio.sleep_forever()
        except CannotRegister:
            pass
"""
TEAMS = """
import trio
from mesh.discovery import CannotDiscover
from mesh.discovery.zookeeper import ZooKeeper

async def main(host):
    while True:
        try:
            async with ZooKeeper("10.0.2.9:2181", patience=1.0).watch("players") as found:
                there = ()
                while True:
                    there = await found.changed(there)
                    await host.app.send(" ".join(each.name for each in there).encode() or b"nobody")
        except CannotDiscover:
            pass
"""


@pytest.mark.slow
def test_an_instance_that_is_cut_off_is_gone_and_comes_back(tmp_path: Path) -> None:
    if reason := enclave.available():
        pytest.skip(reason)
    try:
        command = components.zookeeper(tmp_path, 2181, host="0.0.0.0")
    except components.NotHere as missing:
        pytest.skip(str(missing))
    files = {"z": ZOOKEEPER, "a": PLAYER, "b": TEAMS}
    arguments = {"command": command, "config": Path(command[-1]).read_text()}
    scene = Scene(
        name="session",
        topology=Line,
        programs=tuple(
            Program(host=host, file=f"{host}.py", arguments=arguments if host == "z" else {}) for host in files
        ),
        ports=(Port(host="b", enough=3),),
        script=(Fault("cut", "a-z", "", 8 * SECOND, 12 * SECOND),),
        limits=Limits(time=30 * SECOND, real_seconds=60),
    )
    with Cast(own=tmp_path) as cast:
        for host, text in files.items():
            (cast.own / f"{host}.py").write_text(text)
        trace = emulated.play(scene, cast, seed=1).trace
    print([(event.at / SECOND, event.payload) for event in trace.events if isinstance(event, PortEvent)])
    print({(end.host, end.how) for end in trace.exits()})
    assert trace.delivered("b") == [b"a1", b"nobody", b"a1"]
    assert {end.how for end in trace.exits()} == {"cancelled"}, "they end when they are told to"
