"""The same scene with the same seed gives the same trace, byte for byte: run after run, and under another Python.

The programs do what usually makes runs differ: they draw random numbers, race their tasks against each other, go
through sets, use threads, and leave things to the garbage collector. Not promised, and not tried here: the order of a
set of objects that are hashed by their address, but for `None` (whose hash is its address before Python 3.12).
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labs.testbed.cast import Cast
from labs.testbed.scene import Limits, Offering, Port, Program, Reader, Scene
from labs.testbed.sim import play
from netstack.wire import MILLISECOND, SECOND

from .conftest import row

RUNS = 50
CHATTERS = """
import hashlib, random, time
import trio

async def numbers():
    try:
        while True:
            yield random.random()
    finally:
        await trio.sleep(0.01)

async def racer(host, name):
    for _ in range(4):
        await trio.sleep(random.choice([0, 0.001, 0.001, host.random.random() / 100]))
        await host.link.send(f"{name} {random.randrange(1000)} {time.time_ns()}".encode())

async def hash_away(host):
    for n in range(3):
        digest = await trio.to_thread.run_sync(lambda: hashlib.sha256(bytes(100_000)).hexdigest())
        await host.link.send(f"{n} {digest}".encode())

async def answer(host):
    async for question in host.app:
        await host.app.send(question[::-1])

async def listen(host):
    async for frame in host.link:
        host.note(repr(frame))

async def main(host):
    words = {"one", "two", "three", "four", "five", "six"}
    await host.link.send(" ".join(words).encode())
    if host.arguments["none"]:
        await host.link.send(repr({None, (None, 1), ("x", None), 3.5, -1, "text"}).encode())
    async for number in numbers():
        host.note(str(number))
        break
    async with trio.open_nursery() as nursery:
        for task in (answer, listen, hash_away):
            nursery.start_soon(task, host)
        for name in sorted(words):
            nursery.start_soon(racer, host, name)
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    (folder / "chatter.py").write_text(CHATTERS)
    return folder


def babel(*, none: bool) -> Scene:
    """Two chatters on a bad link; with `none`, they go through a set in which there is a `None`."""
    offers = tuple(Offering(b"question %d" % n, n * 3 * MILLISECOND) for n in range(5))
    return Scene(
        name="babel",
        topology=row(2, delay="2ms", jitter="1ms", loss=10, duplicate=10, corrupt=5, reorder=10, bw=1),
        programs=tuple(Program(host=host, file="chatter.py", arguments={"none": none}) for host in "ab"),
        ports=(Port(host="a", offers=offers), Port(host="b", reader=Reader(every=MILLISECOND))),
        limits=Limits(time=2 * SECOND),
    )


@pytest.fixture(scope="module")
def scene() -> Scene:
    return babel(none=True)


def traces(scene: Scene, cast: Cast, count: int, seed: int = 7) -> Iterator[bytes]:
    for _ in range(count):
        yield "\n".join(play(scene, cast, seed=seed).trace.to_lines()).encode()


@pytest.fixture(scope="module")
def first(scene: Scene, own: Path) -> bytes:
    with Cast(own=own) as cast:
        (trace,) = traces(scene, cast, 1)
    return trace


def test_there_is_something_to_differ(first: bytes, scene: Scene, own: Path) -> None:
    assert first.count(b'"frame"') > 60
    assert b'"raised"' not in first
    with Cast(own=own) as cast:
        (other,) = traces(scene, cast, 1, seed=8)
    assert other != first


def test_fifty_runs_give_one_trace(first: bytes, scene: Scene, own: Path) -> None:
    seen = {first}
    for _ in range(2):  # a zygote each
        with Cast(own=own) as cast:
            seen.update(traces(scene, cast, RUNS // 2))
    assert len(seen) == 1


def test_a_busy_machine_changes_nothing(first: bytes, scene: Scene, own: Path) -> None:
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        with Cast(own=own) as cast:
            assert set(traces(scene, cast, 3)) == {first}
    finally:
        for process in busy:
            process.kill()
            process.wait()


def other_pythons() -> Iterator[str]:
    """Interpreters of other versions that can run our trio, which is pure Python."""
    seen = {sys.version_info[:2]}
    homes = [*os.get_exec_path(), *map(str, Path("~/.pyenv/versions").expanduser().glob("*/bin"))]
    for minor in (11, 12, 13, 14):
        for home in homes:
            path = shutil.which(f"python3.{minor}", path=home)
            if path and (3, minor) not in seen and runs(path):
                seen.add((3, minor))
                yield path


def runs(path: str) -> bool:
    """Whether it starts: a launcher of pyenv's may be there without the version that it stands for."""
    return subprocess.run([path, "-c", "pass"], capture_output=True, timeout=10, check=False).returncode == 0


def test_another_python_gives_the_same_trace(own: Path) -> None:
    others = list(other_pythons())
    if not others:
        pytest.skip("there is no other Python from 3.11 on here")
    seen = {}
    for interpreter in (sys.executable, *others):
        with Cast(own=own, interpreter=interpreter) as cast:
            (seen[interpreter],) = traces(babel(none=False), cast, 1)
    assert len(set(seen.values())) == 1, f"these play differently: {', '.join(seen)}"
