"""Virtual time: turns that a program takes in `sim`, and frames between hosts that are tasks of one process.

The work of the second part is ping-pong: on each of K links a frame goes to and fro, 1 ms each way. Ours carries a
frame as an entry in the clock's heap; on trio's own MockClock it is a task that sleeps; in simpy, whose hosts are
generators and whose network is nothing but a delay, it is an event. Ours and the peers take turns, processor time is
what counts, and each number is the median of its rounds. The peers record nothing; so does ours, but for the rows that
say so. simpy's loop is a heap and little else, so tasks of trio, whose order is seeded, come to half of it with one
flow, and nearly to all of it with many.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import trio
import trio.testing
from mininet.topo import Topo

from bench.rows import Row
from labs.testbed import jump, sim
from labs.testbed.cast import Cast
from labs.testbed.jump import Jump
from labs.testbed.program.host import Host
from labs.testbed.scene import Limits, Program, Scene
from netstack.wire import MILLISECOND, SECOND

TURNS = 8_000  # a second
TIMES_MOCK_CLOCK = 4.0
TIMES_SIMPY = {1: 0.5, 32: 0.8}
CALLBACKS_TIMES_SIMPY = {1: 2.0, 32: 5.0}
DELAY = 0.001  # seconds

Contest = Callable[[int, int], None]  # with so many flows, carry so many frames


def rows(quick: bool) -> Iterable[Row]:
    """Turns of programs in processes, then frames between hosts in one process."""
    with _one_processor():
        rounds = 2 if quick else 5
        yield from _lockstep(5_000 if quick else 20_000, rounds)
        for flows in (1, 32):
            yield from _in_one_process(flows, 10_000 if quick else 60_000, rounds)


@contextmanager
def _one_processor() -> Iterator[None]:
    """Stay on the processor that we are on: the goals are for one, and going to another costs more than a turn."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


# Lockstep -------------------------------------------------------------------------------------------------------------

TICKS = "import trio\nasync def main(host):\n    while True:\n        await trio.sleep(0.001)\n"
ECHOES = """
async def main(host):
    if host.name == "a":
        await host.link.send(bytes(64))
    async for frame in host.link:
        await host.link.send(frame)
"""


class _Pair(Topo):
    """Two hosts, a millisecond apart."""

    def build(self, *_: Any, **__: Any) -> None:
        self.addLink(self.addHost("a"), self.addHost("b"), delay="1ms")


def _lockstep(turns: int, rounds: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "ticks.py").write_text(TICKS)
        Path(folder, "echoes.py").write_text(ECHOES)
        limits = Limits(time=turns * MILLISECOND, exchanges=10**7, frames=10**7, messages=10**7, real_seconds=600)
        alone = Scene(name="alone", topology=_Pair, programs=(Program(host="a", file="ticks.py"),), limits=limits)
        both = tuple(Program(host=host, file="echoes.py") for host in "ab")
        pair = Scene(name="pair", topology=_Pair, programs=both, limits=limits)
        with Cast(own=Path(folder)) as cast:
            for scene, what, goal in ((alone, "a program that sleeps", TURNS), (pair, "two that play ping-pong", None)):
                work = partial(sim.play, scene, cast, seed=1)
                rate = max(_rate(turns, work) for _ in range(rounds))  # whatever else runs here only slows
                yield Row(what=f"turns in sim: {what}", ours=rate, unit="turns/s", goal=goal)


def _rate(count: int, work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    began = clock()
    work()
    return count / (clock() - began)


# In one process -------------------------------------------------------------------------------------------------------


def _in_one_process(flows: int, frames: int, rounds: int) -> Iterator[Row]:
    contests: dict[str, Contest] = {
        "tasks": _tasks_on_jump,
        "callbacks": _callbacks_on_jump,
        "play": _whole_play,
        "MockClock": _tasks_on_mock_clock,
    }
    try:
        import simpy
    except ImportError:
        missing = "simpy is not installed: `./lab bench sim` asks for it"
    else:
        missing = ""
        contests["simpy"] = partial(_simpy, simpy)
    taken: dict[str, list[float]] = {name: [] for name in contests}
    for _ in range(rounds):
        for name, contest in contests.items():
            work = partial(contest, flows, frames)
            taken[name].append(_rate(frames, work, time.process_time))
    rate = {name: statistics.median(values) / 1000 for name, values in taken.items()}
    what = f"frames in one process, {flows} {'flow' if flows == 1 else 'flows'}"
    yield _row(f"{what}: hosts are tasks", rate, "tasks", "MockClock", TIMES_MOCK_CLOCK)
    yield _row(f"{what}: hosts are tasks", rate, "tasks", "simpy", TIMES_SIMPY[flows], missing)
    yield _row(f"{what}: hosts are callbacks", rate, "callbacks", "simpy", CALLBACKS_TIMES_SIMPY[flows], missing)
    yield _row(f"{what}: a scene, with wires, its trace kept", rate, "play", "MockClock", None)


def _row(what: str, rate: dict[str, float], ours: str, peer: str, goal: float | None, note: str = "") -> Row:
    return Row(what=what, ours=rate[ours], unit="k/s", peer_name=peer, peer=rate.get(peer), goal=goal, note=note)


def _tasks_on_jump(flows: int, frames: int) -> None:
    delay = int(DELAY * SECOND)

    async def bounce(
        clock: Jump, inbox: "trio.MemoryReceiveChannel[bytes]", other: "trio.MemorySendChannel[bytes]"
    ) -> None:
        for _ in range(frames // flows // 2):
            frame = await inbox.receive()
            clock.call_at(clock.now + delay, other.send_nowait, frame)

    async def main(clock: Jump) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(flows):
                to_a, at_a = trio.open_memory_channel[bytes](1)
                to_b, at_b = trio.open_memory_channel[bytes](1)
                nursery.start_soon(bounce, clock, at_a, to_b)
                nursery.start_soon(bounce, clock, at_b, to_a)
                to_a.send_nowait(bytes(64))

    jump.run(main)


def _callbacks_on_jump(flows: int, frames: int) -> None:
    delay = int(DELAY * SECOND)

    async def main(clock: Jump) -> None:
        left = frames

        def arrive(frame: bytes) -> None:
            nonlocal left
            left -= 1
            if left >= flows:
                clock.call_at(clock.now + delay, arrive, frame)

        for _ in range(flows):
            clock.call_at(clock.now + delay, arrive, bytes(64))
        await trio.sleep_forever()

    jump.run(main)


def _whole_play(flows: int, frames: int) -> None:
    class Pairs(Topo):
        """So many links between the same two hosts."""

        def build(self, *_: Any, **__: Any) -> None:
            a, b = self.addHost("a"), self.addHost("b")
            for _link in range(flows):
                self.addLink(a, b, delay="1ms")

    async def main(host: Host) -> None:
        async def bounce(number: int) -> None:
            link = host.links[number]
            if host.name == "a":
                await link.send(bytes(64))
            for _ in range(frames // flows // 2):
                await link.send(await link.receive())

        async with trio.open_nursery() as nursery:
            for number in range(flows):
                nursery.start_soon(bounce, number)

    programs = tuple(Program(host=host, file="") for host in "ab")
    scene = Scene(name="bench", topology=Pairs, programs=programs, limits=Limits(time=3600 * SECOND))
    jump.play(scene, {"a": main, "b": main}, seed=1)


def _tasks_on_mock_clock(flows: int, frames: int) -> None:
    async def bounce(inbox: "trio.MemoryReceiveChannel[bytes]", other: "trio.MemorySendChannel[bytes]") -> None:
        for _ in range(frames // flows // 2):
            frame = await inbox.receive()
            await trio.sleep(DELAY)
            other.send_nowait(frame)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(flows):
                to_a, at_a = trio.open_memory_channel[bytes](1)
                to_b, at_b = trio.open_memory_channel[bytes](1)
                nursery.start_soon(bounce, at_a, to_b)
                nursery.start_soon(bounce, at_b, to_a)
                to_a.send_nowait(bytes(64))

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def _simpy(simpy: Any, flows: int, frames: int) -> None:
    environment = simpy.Environment()

    def bounce(inbox: Any, other: Any) -> Iterator[Any]:
        for _ in range(frames // flows // 2):
            frame = yield inbox.get()
            yield environment.timeout(DELAY)
            other.put(frame)

    for _ in range(flows):
        at_a, at_b = simpy.Store(environment), simpy.Store(environment)
        environment.process(bounce(at_a, at_b))
        environment.process(bounce(at_b, at_a))
        at_a.put(bytes(64))
    environment.run()
