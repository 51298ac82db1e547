"""Hosts in one process on a clock that jumps: the same scenes as on `sim`, with functions for programs."""

import gc
import random
from collections.abc import Mapping
from typing import Any

import pytest
import trio
from mininet.topo import Topo
from trio._core import _run as trios_run

from labs.story.trace import Exit, FrameEvent, Note, PortEvent
from labs.testbed import jump, sim
from labs.testbed.jump import Jump
from labs.testbed.program.host import Host
from labs.testbed.scene import Acting, Limits, Offering, Port, Program, Reader, Scene
from netstack.wire import MILLISECOND, SECOND

from .conftest import Theatre, row


class TestTheClock:
    def test_time_goes_from_one_thing_to_the_next(self) -> None:
        seen: list[tuple[str, float]] = []

        async def sleeper(name: str, seconds: float) -> None:
            await trio.sleep(seconds)
            seen.append((name, trio.current_time()))

        async def main(clock: Jump) -> str:
            clock.call_at(2 * SECOND, lambda: seen.append(("call", clock.now / SECOND)))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(sleeper, "late", 3600.1)
                nursery.start_soon(sleeper, "early", 0.1)
            return "done"

        assert jump.run(main) == "done"
        assert seen == [("early", 0.1), ("call", 2.0), ("late", 3600.1)]

    def test_calls_of_one_time_keep_their_order_and_may_make_more(self) -> None:
        order: list[int] = []

        async def main(clock: Jump) -> None:
            for number in range(5):
                clock.call_at(SECOND, order.append, number)
            clock.call_at(SECOND, lambda: clock.call_at(0, order.append, 99))
            await trio.sleep(2)

        jump.run(main)
        assert order == [0, 1, 2, 3, 4, 99]

    def test_a_call_wakes_a_task(self) -> None:
        async def main(clock: Jump) -> float:
            event = trio.Event()
            clock.call_at(7 * SECOND, event.set)
            await event.wait()
            return trio.current_time()

        assert jump.run(main) == 7.0

    def test_main_is_cancelled_when_nothing_can_happen_any_more(self) -> None:
        async def main(clock: Jump) -> None:
            await trio.sleep(1)
            try:
                await trio.sleep_forever()
            finally:
                assert clock.now == SECOND

        assert jump.run(main) is None

    def test_main_is_cancelled_at_the_limit_and_may_tidy_up(self) -> None:
        tidy: list[float] = []

        async def main(clock: Jump) -> None:
            clock.call_at(11 * SECOND, pytest.fail, "this lies beyond the limit")
            try:
                for _ in range(1000):
                    await trio.sleep(0.3)
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(5)
                tidy.append(trio.current_time())

        assert jump.run(main, limit=10 * SECOND) is None
        assert tidy == [15.0]

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_a_task_that_will_not_end_is_a_mistake(self) -> None:
        async def main(clock: Jump) -> None:
            with trio.CancelScope(shield=True):
                await trio.sleep_forever()

        with pytest.raises(trio.TrioInternalError) as caught:
            jump.run(main)
        assert "waits for ever although it was told to end" in str(caught.value.__cause__)
        del caught
        gc.collect()  # what is left of that run complains, here and not in the next test

    def test_the_seed_decides_and_is_not_left_behind(self) -> None:
        async def main(clock: Jump) -> list[float]:
            order: list[float] = []

            async def task(number: int) -> None:
                await trio.sleep(1)
                order.extend([number, random.random()])

            async with trio.open_nursery() as nursery:
                for number in range(10):
                    nursery.start_soon(task, number)
            return order

        before = trios_run._r, trios_run._ALLOW_DETERMINISTIC_SCHEDULING, random.getstate()
        runs = [jump.run(main, seed=seed) for seed in (1, 1, 2)]
        assert runs[0] == runs[1] != runs[2]
        assert (trios_run._r, trios_run._ALLOW_DETERMINISTIC_SCHEDULING, random.getstate()) == before


async def asks(host: Host) -> None:
    async for question in host.app:
        for _ in range(3):
            await host.link.send(question)
            with trio.move_on_after(0.5):
                await host.app.send(await host.link.receive())
                break
            host.note("no answer")


async def answers(host: Host) -> None:
    async for frame in host.link:
        await trio.sleep(0.1)
        await host.link.send(frame.upper())


AS_TEXT = (
    """
    async def main(host):
        async for question in host.app:
            for _ in range(3):
                await host.link.send(question)
                with trio.move_on_after(0.5):
                    await host.app.send(await host.link.receive())
                    break
                host.note("no answer")
""",
    """
    async def main(host):
        async for frame in host.link:
            await trio.sleep(0.1)
            await host.link.send(frame.upper())
""",
)
PEOPLE = Port(
    host="a",
    offers=tuple(Offering(b"question %d" % n, n * SECOND // 3) for n in range(6)),
    reader=Reader(every=SECOND, pauses=((2 * SECOND, 4 * SECOND),)),
    enough=6,
)


def scene(**how: Any) -> Scene:
    programs = tuple(Program(host=host, file="") for host in "ab")
    how = {"ports": (PEOPLE,), "limits": Limits(time=20 * SECOND), **how}
    return Scene(name="talk", topology=row(2, delay="5ms"), programs=programs, **how)


MAINS: Mapping[str, jump.Main] = {"a": asks, "b": answers}


class TestPlays:
    def test_a_talk_goes_as_it_does_on_sim(self, stage: Theatre) -> None:
        faults = ("drop a-b:frame:2", "hold b-a:frame:1:700ms", "duplicate a-b:frame:4", "cut a-b:2s-3s")
        here = jump.play(scene().scripted(*faults), MAINS, seed=1)
        there_scene = stage.scene(*AS_TEXT, link={"delay": "5ms"}, ports=(PEOPLE,)).scripted(*faults)
        there = sim.play(there_scene, stage.cast, seed=1).trace
        assert here.events == there.events
        assert (here.ended, here.ended_at) == (there.ended, there.ended_at)
        assert {type(event) for event in here.events} == {FrameEvent, PortEvent, Note, Exit}

    def test_chance_is_the_same_as_on_sim(self, stage: Theatre) -> None:
        bad = {"delay": "5ms", "jitter": "2ms", "loss": 20, "duplicate": 10, "reorder": 10}
        here_scene = Scene(
            name="talk", topology=row(2, **bad), programs=scene().programs, ports=(PEOPLE,), limits=scene().limits
        )
        here = jump.play(here_scene, MAINS, seed=3)
        there = sim.play(stage.scene(*AS_TEXT, link=bad, ports=(PEOPLE,)), stage.cast, seed=3).trace
        assert here.faults()
        assert here.events == there.events

    def test_the_same_seed_gives_the_same_trace(self) -> None:
        async def gambles(host: Host) -> None:
            for _ in range(20):
                await trio.sleep(random.random())
                await host.link.send(host.random.randbytes(8))

        def lines(seed: int) -> list[str]:
            return list(jump.play(scene(ports=()), {"a": gambles, "b": gambles}, seed=seed).to_lines())

        assert lines(1) == lines(1) != lines(2)

    def test_programs_that_return_end_the_play(self) -> None:
        async def leaves(host: Host) -> None:
            await trio.sleep(3)

        trace = jump.play(scene(ports=()), {"a": leaves, "b": leaves}, seed=1)
        assert (trace.ended, trace.ended_at) == (jump.IDLE, 3 * SECOND)
        assert {event.how for event in trace.exits()} == {"returned"}

    def test_the_time_limit(self) -> None:
        async def ticks(host: Host) -> None:
            for _ in range(1000):
                await trio.sleep(1)

        trace = jump.play(scene(ports=(), limits=Limits(time=5 * SECOND)), {"a": ticks, "b": ticks}, seed=1)
        assert (trace.ended, trace.ended_at) == (jump.LATE, 5 * SECOND)
        assert {event.how for event in trace.exits()} == {"cancelled"}

    def test_an_exception_comes_out(self) -> None:
        async def fails(host: Host) -> None:
            raise KeyError("lost")

        with pytest.raises(ExceptionGroup) as caught:
            jump.play(scene(), {"a": fails, "b": answers}, seed=1)
        assert caught.group_contains(KeyError)

    def test_a_host_that_the_judge_plays_belongs_on_sim(self) -> None:
        acted = Scene(name="s", topology=row(1), programs=(Acting(host="a", make=lambda: pytest.fail("never made")),))
        with pytest.raises(ValueError, match="is played on `sim`"):
            jump.play(acted, {}, seed=1)

    def test_many_flows(self) -> None:
        async def many(host: Host) -> None:
            async with trio.open_nursery() as nursery:
                for number in range(100):
                    nursery.start_soon(host.link.send, b"%d" % number)

        trace = jump.play(scene(ports=()), {"a": many, "b": many}, seed=1)
        assert sum(1 for _ in trace.frames()) == 200
        assert all(frame.arrivals == (5 * MILLISECOND,) for frame in trace.frames())


def test_functions_on_hosts_with_addresses_have_their_sockets() -> None:
    """The same scene as on `sim`, over the same TCP: the same frames, but for the numbers that programs draw."""

    class Pair(Topo):
        def build(self, *_: object, **__: object) -> None:
            self.addLink(self.addHost("a", ip="10.0.0.1/24"), self.addHost("b", ip="10.0.0.2/24"), delay="5ms")

    async def client(host: Host) -> None:
        async with await trio.open_tcp_stream("b", 80) as stream:
            await stream.send_all(b"x" * 50_000)
            await stream.send_eof()
            host.note(f"{await stream.receive_some()!r} after {trio.current_time()}")

    async def server(host: Host) -> None:
        async def count(stream: trio.SocketStream) -> None:
            await stream.send_all(b"%d" % sum([len(chunk) async for chunk in stream]))

        await trio.serve_tcp(count, 80)

    scene = Scene(
        name="tcp", topology=Pair, programs=(Program(host="a"), Program(host="b")), limits=Limits(time=20 * SECOND)
    )
    traces = [jump.play(scene, {"a": client, "b": server}, seed=seed) for seed in (1, 1, 2)]
    (note,) = (event for event in traces[0].events if isinstance(event, Note))
    # A round trip each for ARP, the handshake, ten segments, twenty more, and the rest with the answer.
    assert note.text == "b'50000' after 0.05"
    assert traces[0].ended == "nothing more could happen"
    assert list(traces[0].to_lines()) == list(traces[1].to_lines()) != list(traces[2].to_lines())
