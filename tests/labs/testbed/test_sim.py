"""`sim`, end to end: real programs in real processes, played in virtual time.

Programs are written out in the tests. A program's line 1 is `import trio`, so the first line of its text is line 2.
"""

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mininet.topo import Topo

from labs.story.trace import Event, Exit, Note, Trace
from labs.testbed.cast import Cast
from labs.testbed.scene import Acting, Limits, Offering, Port, Program, Reader, Scene, Send
from labs.testbed.sim import play
from netstack.wire import MILLISECOND, SECOND

from .conftest import Theatre

ASKS = """
    async def main(host):
        async for question in host.app:
            await host.link.send(question)
            with trio.move_on_after(0.5) as patience:
                await host.app.send(await host.link.receive())
            if patience.cancelled_caught:
                host.note("no answer")
"""
ANSWERS = """
    async def main(host):
        async for frame in host.link:
            await trio.sleep(0.1)
            await host.link.send(frame.upper())
"""


def kinds(frame: bytes) -> str:
    return "question" if frame.islower() else "answer"


def exit_of(trace: Trace, host: str = "a", program: str = "main") -> Exit:
    (event,) = [event for event in trace.exits() if (event.host, event.program) == (host, program)]
    return event


def notes(trace: Trace, host: str | None = None) -> list[tuple[int, str]]:
    return [(e.at, e.text) for e in trace.events if isinstance(e, Note) and host in (None, e.host)]


class TestATalk:
    """One asks, one answers, 5 ms apart."""

    def scene(self, stage: Theatre, **how: Any) -> Scene:
        port = Port(host="a", offers=(Offering(b"one"), Offering(b"two", SECOND)), enough=2)
        return stage.scene(ASKS, ANSWERS, link={"delay": "5ms"}, ports=(port,), classify=kinds, **how)

    def test_every_event_has_its_exact_time(self, stage: Theatre) -> None:
        trace = play(self.scene(stage), stage.cast, seed=1).trace
        assert [(frame.at, frame.direction, frame.data) for frame in trace.frames()] == [
            (0, "a-b", b"one"),
            (105 * MILLISECOND, "b-a", b"ONE"),
            (SECOND, "a-b", b"two"),
            (SECOND + 105 * MILLISECOND, "b-a", b"TWO"),
        ]
        assert [event.at for event in trace.at_port("consumed", "a")] == [110 * MILLISECOND, SECOND + 110 * MILLISECOND]
        assert trace.delivered("a") == [b"ONE", b"TWO"]
        assert trace.ended_at == SECOND + 110 * MILLISECOND

    def test_a_scripted_loss_is_seen_and_survived_by_the_other_question(self, stage: Theatre) -> None:
        played = play(self.scene(stage).scripted("drop b-a:answer:1"), stage.cast, seed=1)
        assert played.trace.delivered("a") == [b"TWO"]
        assert notes(played.trace) == [(500 * MILLISECOND, "no answer")]
        assert played.trace.faults() == ("drop b-a:answer:1",)
        assert played.unmet == ()

    def test_silence_is_reported(self, stage: Theatre) -> None:
        scene = self.scene(stage).scripted("drop b-a:answer:3")
        assert [str(fault) for fault in play(scene, stage.cast, seed=1).unmet] == ["drop b-a:answer:3"]

    def test_chance_can_be_written_down_and_played_again_as_a_script(self, stage: Theatre) -> None:
        scene = self.scene(stage)
        lossy = replace(scene, topology=stage.scene(ASKS, ANSWERS, link={"delay": "5ms", "loss": 50}).topology)
        by_chance = next(trace for seed in range(20) if (trace := play(lossy, stage.cast, seed=seed).trace).faults())
        again = play(lossy.scripted(*by_chance.faults()), stage.cast, seed=0, chance=False).trace
        assert again.events == by_chance.events

    def test_whoever_watches_sees_events_as_they_happen(self, stage: Theatre) -> None:
        seen: list[Event] = []
        trace = play(self.scene(stage), stage.cast, seed=1, watch=seen.append).trace
        assert seen == trace.events

    def test_programs_are_cancelled_at_the_end(self, stage: Theatre) -> None:
        trace = play(self.scene(stage), stage.cast, seed=1).trace
        assert [(event.host, event.how) for event in trace.exits()] == [("a", "cancelled"), ("b", "cancelled")]

    def test_what_programs_print_is_kept(self, stage: Theatre) -> None:
        talks = 'async def main(host):\n    print("I am", host.name)\n    print("and done", end="")'
        assert stage.play(talks, talks).output == {
            ("a", "main"): "I am a\nand done",
            ("b", "main"): "I am b\nand done",
        }


class TestEndings:
    def test_a_play_ends_when_nothing_can_happen_any_more(self, stage: Theatre) -> None:
        trace = stage.play("async def main(host): await trio.sleep(3)").trace
        assert (trace.ended, trace.ended_at) == ("nothing more could happen", 3 * SECOND)
        assert exit_of(trace) == Exit(3 * SECOND, "a", "main", "returned")

    def test_a_program_that_never_ends_is_cancelled_at_the_time_limit(self, stage: Theatre) -> None:
        forever = """
            async def main(host):
                try:
                    while True:
                        await trio.sleep(1)
                finally:
                    print("tidying up")
        """
        played = stage.play(forever, limits=Limits(time=5 * SECOND))
        assert (played.trace.ended, played.trace.ended_at) == ("the time limit", 5 * SECOND)
        assert exit_of(played.trace).how == "cancelled"
        assert played.output["a", "main"] == "tidying up\n"

    def test_grace_runs_on_after_enough(self, stage: Theatre) -> None:
        chatters = """
            async def main(host):
                host.app.send_nowait(b"enough")
                while True:
                    await trio.sleep(0.1)
                    host.note("still here")
        """
        limits = Limits(grace=350 * MILLISECOND)
        trace = stage.play(chatters, ports=(Port(host="a", enough=1),), limits=limits).trace
        assert trace.ended == "all that was waited for has been delivered"
        assert [at for at, _ in notes(trace)] == [100 * MILLISECOND, 200 * MILLISECOND, 300 * MILLISECOND]

    def test_every_port_that_asks_for_enough_must_have_it(self, stage: Theatre) -> None:
        once = "async def main(host):\n    await trio.sleep(host.arguments['after'])\n    await host.app.send(b'x')"
        first = stage.program(once, "a", arguments={"after": 1})
        second = stage.program(once, "b", arguments={"after": 7})
        ports = (Port(host="a", enough=1), Port(host="b", enough=1))
        assert stage.play(first, second, ports=ports).trace.ended_at == 7 * SECOND

    def test_the_others_play_on_when_one_returns(self, stage: Theatre) -> None:
        returns = "async def main(host): pass"
        stays = "async def main(host):\n    await trio.sleep(2)\n    host.note('alone')"
        assert notes(stage.play(returns, stays).trace) == [(2 * SECOND, "alone")]

    def test_an_exception_ends_the_play_for_all(self, stage: Theatre) -> None:
        trace = stage.play("async def main(host): 1 / 0", "async def main(host): await trio.sleep_forever()").trace
        assert trace.ended == "main on a raised an exception"
        assert [(event.host, event.how) for event in trace.exits()] == [("a", "raised"), ("b", "cancelled")]

    def test_a_shielded_task_cannot_keep_the_play_from_ending(self, stage: Theatre) -> None:
        shielded = """
            async def main(host):
                with trio.CancelScope(shield=True):
                    await trio.sleep_forever()
        """
        assert exit_of(stage.play(shielded).trace).how == "cancelled"

    def test_an_exception_on_the_way_out_is_told(self, stage: Theatre) -> None:
        fails = """
            async def main(host):
                try:
                    await trio.sleep_forever()
                finally:
                    raise KeyError("lost it")
        """
        end = exit_of(stage.play(fails).trace)
        assert end.how == "raised"
        assert "lost it" in end.detail

    def test_a_program_that_does_not_let_itself_be_cancelled_is_stopped(self, stage: Theatre, impatient: None) -> None:
        stubborn = """
            async def main(host):
                while True:
                    try:
                        await trio.sleep_forever()
                    except BaseException:
                        pass
        """
        end = exit_of(stage.play(stubborn).trace)
        assert end.how == "stopped"
        assert end.detail.startswith("when it was cancelled, it ran for")


class TestPorts:
    def test_a_slow_reader_holds_up_who_waits_for_it(self, stage: Theatre) -> None:
        sends = """
            async def main(host):
                for n in range(3):
                    await host.app.send(b"%d" % n)
                    host.note(f"{n} is read")
        """
        reader = Reader(every=SECOND, pauses=((SECOND, 5 * SECOND),))
        trace = stage.play(sends, ports=(Port(host="a", reader=reader),)).trace
        assert [at for at, _ in notes(trace)] == [0, 5 * SECOND, 6 * SECOND]

    def test_a_program_may_run_ahead_of_the_reader_and_wait_for_it_later(self, stage: Theatre) -> None:
        runs_ahead = """
            async def main(host):
                for n in range(4):
                    host.app.send_nowait(b"%d" % n)
                host.note(f"{host.app.delivered} handed over, {host.app.consumed} read")
                await host.app.wait_consumed(3)
                host.note(f"{host.app.consumed} read")
        """
        trace = stage.play(runs_ahead, ports=(Port(host="a", reader=Reader(every=SECOND)),)).trace
        assert notes(trace) == [(0, "4 handed over, 0 read"), (2 * SECOND, "3 read")]

    def test_asking_and_giving_up_loses_nothing_and_takes_nothing_in_advance(self, stage: Theatre) -> None:
        gives_up = """
            async def main(host):
                for _ in range(3):
                    with trio.move_on_after(1):
                        await host.app.receive()
                await trio.sleep(7)
                host.note(str(await host.app.receive()))
                await trio.sleep(5)
                host.note(str(await host.app.receive()))
        """
        offers = (Offering(b"first", 5 * SECOND), Offering(b"second", 6 * SECOND))
        trace = stage.play(gives_up, ports=(Port(host="a", offers=offers),)).trace
        assert notes(trace) == [(10 * SECOND, "b'first'"), (15 * SECOND, "b'second'")]
        # The first was taken when it came, by whoever had asked and given up; the second when it was asked for.
        assert [event.at for event in trace.at_port("taken", "a")] == [5 * SECOND, 15 * SECOND]

    def test_several_ports_of_a_program_are_told_apart(self, stage: Theatre) -> None:
        copies = """
            async def main(host):
                async for payload in host.apps["in"]:
                    await host.apps["out"].send(payload)
        """
        ports = (Port(host="a", name="in", offers=(Offering(b"x"),)), Port(host="a", name="out"))
        assert stage.play(copies, ports=ports).trace.delivered("a", "out") == [b"x"]


class TestTopologies:
    def test_a_host_with_two_links_forwards_from_one_to_the_other(self, stage: Theatre) -> None:
        sends = (
            "async def main(host):\n    await host.link.send(b'over')\n    host.note(str(await host.link.receive()))"
        )
        forwards = """
            async def main(host):
                async def carry(one, other):
                    async for frame in one:
                        await other.send(frame)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(carry, *host.links)
                    nursery.start_soon(carry, *reversed(host.links))
        """
        answers = "async def main(host):\n    await host.link.send((await host.link.receive())[::-1])"
        trace = stage.play(sends, forwards, answers, link={"delay": "1ms"}).trace
        assert [frame.direction for frame in trace.frames()] == ["a-b", "b-c", "c-b", "b-a"]
        assert notes(trace) == [(4 * MILLISECOND, "b'revo'")]

    def test_programs_on_one_host_each_see_every_frame(self, stage: Theatre) -> None:
        sends = stage.program("async def main(host): await host.link.send(b'hear')", "b")
        hears = "async def main(host): host.note(str(await host.link.receive()))"
        first, second = (stage.program(hears, "a", name=name) for name in ("first", "second"))
        trace = stage.play(first, sends, second).trace
        assert [(e.host, e.program) for e in trace.events if isinstance(e, Note)] == [("a", "first"), ("a", "second")]
        assert len(list(trace.frames())) == 1

    def test_two_links_between_the_same_hosts_are_two(self, stage: Theatre) -> None:
        class Twice(Topo):
            def build(self, *_: object, **__: object) -> None:
                a, b = self.addHost("a"), self.addHost("b")
                self.addLink(a, b, delay="1ms")
                self.addLink(a, b, delay="9ms")

        sends = "async def main(host):\n    for link in host.links: await link.send(link.name.encode())"
        hears = "async def main(host):\n    for link in host.links: host.note(str(await link.receive()))"
        trace = stage.play(sends, hears, topology=Twice).trace
        assert [frame.direction for frame in trace.frames()] == ["a-b", "a-b.2"]
        assert notes(trace) == [(MILLISECOND, "b'a-eth0'"), (9 * MILLISECOND, "b'a-eth1'")]

    def test_a_host_that_the_judge_plays(self, stage: Theatre) -> None:
        class Metronome:
            """Sends a beat each second, four times, and returns what it hears."""

            def __init__(self) -> None:
                self.beats = iter(range(SECOND, 5 * SECOND, SECOND))
                self.due: int | None = next(self.beats)

            def receive(self, link: int, frame: bytes, *, now: int) -> Iterable[Send]:
                yield Send(link, b"heard " + frame)

            def next_timer(self) -> int | None:
                return self.due

            def handle_timer(self, *, now: int) -> Iterator[Send]:
                self.due = next(self.beats, None)
                yield Send(0, b"beat")

        answers = """
            async def main(host):
                await host.link.send(b"hello")
                async for frame in host.link:
                    host.note(frame.decode())
        """
        trace = stage.play(answers, Acting(host="b", make=Metronome), link={"delay": "1ms"}).trace
        beat = [(n * SECOND + MILLISECOND, "beat") for n in range(1, 5)]
        assert notes(trace) == [(2 * MILLISECOND, "heard hello"), *beat]


class TestVirtualTime:
    """The traps between trio, the standard library and a clock that somebody else owns."""

    def test_clocks_tell_virtual_time(self, stage: Theatre) -> None:
        reads_clocks = """
            import datetime, time
            from time import monotonic
            async def main(host):
                await trio.sleep(36 * 3600)
                print(monotonic(), time.perf_counter_ns(), trio.current_time())
                print(time.strftime("%F %T"), time.ctime(), time.gmtime().tm_mday, time.localtime(0).tm_year)
                print(time.time() - time.time_ns() / 1e9, datetime.datetime.now(datetime.UTC).isoformat())
                print(datetime.date.today(), datetime.datetime.now() == datetime.datetime.utcnow())
                print(isinstance(datetime.datetime(2020, 1, 1), datetime.datetime))
        """
        assert stage.play(reads_clocks, limits=Limits(time=10**6 * SECOND)).output["a", "main"].splitlines() == [
            "129600.0 129600000000000 129600.0",
            "2017-08-04 12:00:00 Fri Aug  4 12:00:00 2017 4 1970",
            "0.0 2017-08-04T12:00:00+00:00",
            "2017-08-04 True",
            "True",
        ]

    def test_log_lines_carry_virtual_time(self, stage: Theatre) -> None:
        logs = """
            import logging
            async def main(host):
                logging.basicConfig(format="%(asctime)s %(message)s")
                await trio.sleep(1.25)
                logging.warning("late")
        """
        assert stage.play(logs).output["a", "main"] == "2017-08-03 00:00:01,250 late\n"

    def test_a_long_sleep_takes_next_to_no_time(self, stage: Theatre) -> None:
        began = time.monotonic()
        stage.play("async def main(host): await trio.sleep(3600)", limits=Limits(time=7200 * SECOND))
        assert time.monotonic() - began < 2

    def test_sleeping_in_real_time_fails_and_names_the_line(self, stage: Theatre) -> None:
        program = stage.program("import time\nasync def main(host):\n    time.sleep(0.5)")
        detail = exit_of(stage.play(program).trace).detail
        assert f"time.sleep(0.5) at {program.file}:4 stops every task" in detail
        assert "write `await trio.sleep(0.5)`" in detail

    def test_a_thread_takes_no_virtual_time(self, stage: Theatre) -> None:
        uses_threads = """
            import threading
            async def main(host):
                with trio.move_on_after(5) as timer:
                    for _ in range(3):
                        await trio.to_thread.run_sync(threading.Event().wait, 0.1)  # 0.3 s of real time in all
                host.note(f"{trio.current_time()} {timer.cancelled_caught}")
                await trio.sleep(5)
        """
        began = time.monotonic()
        assert notes(stage.play(uses_threads).trace) == [(0, "0.0 False")]
        assert time.monotonic() - began > 0.3

    def test_what_a_thread_raises_and_returns_comes_back(self, stage: Theatre) -> None:
        uses_threads = """
            import contextvars
            name = contextvars.ContextVar("name")
            async def main(host):
                name.set("outer")
                host.note(await trio.to_thread.run_sync(lambda: name.get() + "!"))
                await trio.to_thread.run_sync(int, "no number", abandon_on_cancel=True)
        """
        trace = stage.play(uses_threads).trace
        assert notes(trace) == [(0, "outer!")]
        assert "ValueError: invalid literal" in exit_of(trace).detail

    @pytest.mark.parametrize(
        ("call", "reason"),
        [
            ("await trio.run_process(['true'])", "trio.run_process cannot be used in virtual time"),
            ("await trio.lowlevel.open_process(['true'])", "trio.lowlevel.open_process cannot be used in virtual time"),
            ("await trio.to_thread.run_sync(int, limiter=trio.CapacityLimiter(1))", "leave `limiter` out"),
            ("threading.Thread(target=print).start()", "threading.Thread.start cannot be used in virtual time"),
            ("subprocess.run(['true'])", "subprocess cannot be used in virtual time"),
            ("subprocess.Popen('true')", "subprocess cannot be used in virtual time"),
        ],
    )
    def test_what_cannot_be_held_back_is_refused_by_name(self, stage: Theatre, call: str, reason: str) -> None:
        trace = stage.play(f"import subprocess, threading\nasync def main(host):\n    {call}").trace
        assert reason in exit_of(trace).detail

    def test_waiting_until_all_tasks_are_blocked_works(self, stage: Theatre) -> None:
        waits = """
            from trio.testing import wait_all_tasks_blocked
            async def main(host):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(trio.sleep, 5)
                    await wait_all_tasks_blocked(0.001)
                    host.note("blocked")
        """
        assert notes(stage.play(waits).trace) == [(0, "blocked")]

    def test_a_generator_that_is_dropped_is_finished_before_time_passes(self, stage: Theatre) -> None:
        """Trio learns of it from the garbage collector, and tells itself by a wake-up from outside its loop."""
        drops = """
            async def main(host):
                async def numbers():
                    try:
                        yield 1
                    finally:
                        host.note("finished")
                async for number in numbers():
                    break
                import gc; gc.collect()
                await trio.sleep(5)
                host.note("slept")
        """
        assert notes(stage.play(drops).trace) == [(0, "finished"), (5 * SECOND, "slept")]

    def test_a_cancelled_send_sends_nothing(self, stage: Theatre) -> None:
        cancelled = """
            async def main(host):
                with trio.CancelScope() as scope:
                    scope.cancel()
                    await host.link.send(b"never")
        """
        assert list(stage.play(cancelled, ANSWERS).trace.frames()) == []

    def test_a_timeout_is_noticed_however_many_frames_have_queued(self, stage: Theatre) -> None:
        floods = "async def main(host):\n    for _ in range(100): await host.link.send(b'x')"
        reads = """
            async def main(host):
                await trio.sleep(2)
                with trio.CancelScope(deadline=1):
                    while True:
                        await host.link.receive()
                host.note("in time")
        """
        assert notes(stage.play(floods, reads).trace) == [(2 * SECOND, "in time")]


class TestFailuresAreTold:
    """In the student's own frames, with file and line, and nothing of ours."""

    def detail(self, stage: Theatre, source: str) -> str:
        event = exit_of(stage.play(source).trace)
        assert event.how == "raised"
        assert "trio/" not in event.detail
        assert "labs/" not in event.detail
        return event.detail

    def test_an_exception(self, stage: Theatre) -> None:
        program = stage.program("async def main(host):\n    await deeper()\nasync def deeper():\n    return {}['key']")
        assert exit_of(stage.play(program).trace).detail == (
            "Traceback (most recent call last):\n"
            f'  File "{program.file}", line 3, in main\n    await deeper()\n'
            f"  File \"{program.file}\", line 5, in deeper\n    return {{}}['key']\n"
            "KeyError: 'key'"
        )

    def test_exceptions_of_several_tasks(self, stage: Theatre) -> None:
        fails_twice = """
            async def fail(text):
                raise ValueError(text)
            async def main(host):
                async with trio.open_nursery() as outer:
                    outer.start_soon(fail, "one")
                    async with trio.open_nursery() as inner:
                        inner.start_soon(fail, "two")
        """
        detail = self.detail(stage, fails_twice)
        assert "ValueError: one" in detail
        assert "ValueError: two" in detail
        assert "Group" not in detail
        assert detail.count("in fail") == 2

    def test_a_missing_file(self, stage: Theatre) -> None:
        assert exit_of(stage.play(Program(host="a", file="nowhere.py")).trace).detail == "there is no file nowhere.py"

    def test_a_missing_main(self, stage: Theatre) -> None:
        program = stage.program("def mian(host): pass")
        detail = exit_of(stage.play(program).trace).detail
        assert detail == f"{program.file} defines no `async def main(host)`"

    def test_a_main_that_is_not_async(self, stage: Theatre) -> None:
        assert self.detail(stage, "def main(host): pass").endswith("its `main` is not async")

    def test_a_syntax_error(self, stage: Theatre) -> None:
        program = stage.program("async def main(host):\n    if True print('x')")
        detail = exit_of(stage.play(program).trace).detail
        assert detail.startswith(f"  File \"{program.file}\", line 3\n    if True print('x')\n")
        assert "SyntaxError" in detail

    def test_a_syntax_error_in_a_module_of_the_students(self, stage: Theatre, folder: Path) -> None:
        (folder / "neighbour.py").write_text("x = (\n")
        program = stage.program("import neighbour")
        detail = exit_of(stage.play(program).trace).detail
        assert f'File "{program.file}", line 2' in detail
        assert 'File "neighbour.py", line 1' in detail

    def test_an_exception_while_the_file_is_loaded(self, stage: Theatre) -> None:
        assert "line 2" in self.detail(stage, "import no_such_module")

    def test_a_message_that_fails_to_be_made(self, stage: Theatre) -> None:
        broken = """
            class Broken(Exception):
                def __str__(self):
                    raise Exception
            async def main(host):
                raise Broken
        """
        assert "Broken" in self.detail(stage, broken)

    @pytest.mark.parametrize("how", ["sys.exit(3)", "raise KeyboardInterrupt", "raise SystemExit"])
    def test_leaving_by_an_exception_of_pythons_own(self, stage: Theatre, how: str) -> None:
        assert "line 4" in self.detail(stage, f"import sys\nasync def main(host):\n    {how}")

    def test_a_frame_that_the_card_does_not_take(self, stage: Theatre) -> None:
        sends = "async def main(host): await host.link.send(bytes(1515))"
        detail = exit_of(stage.play(sends, ANSWERS).trace).detail
        assert "a-eth0 takes frames of 1 to 1514 bytes; this one has 1515" in detail

    def test_a_link_that_is_not_there(self, stage: Theatre) -> None:
        assert "host a does not have one link but 0" in self.detail(stage, "async def main(host): host.link")

    def test_a_deep_recursion(self, stage: Theatre) -> None:
        detail = self.detail(stage, "def f(): return f()\nasync def main(host): f()")
        assert "RecursionError" in detail
        assert len(detail) < 10_000


class TestSuddenEnds:
    @pytest.mark.parametrize(
        ("how", "told"),
        [
            ("os._exit(3)", "its process exited with 3"),
            ("os._exit(0)", "its process exited with 0"),
            ("os.kill(os.getpid(), 9)", "its process was killed by SIGKILL, perhaps for want of memory"),
            ("os.abort()", "its process was killed by SIGABRT"),
        ],
    )
    def test_a_process_that_ends_without_a_word(self, stage: Theatre, how: str, told: str) -> None:
        event = exit_of(stage.play(f"import os\nasync def main(host):\n    {how}").trace)
        assert (event.how, event.detail) == ("died", told)

    def test_a_channel_that_is_closed(self, stage: Theatre, impatient: None) -> None:
        closes = "import os\nasync def main(host):\n    os.closerange(3, 100)\n    while True: pass"
        event = exit_of(stage.play(closes).trace)
        assert (event.how, event.detail) == ("died", "it closed its channel to the judge")

    def test_last_lines_are_kept_whatever_happens(self, stage: Theatre) -> None:
        dies = "import os\nasync def main(host):\n    print('so long')\n    os._exit(1)"
        assert stage.play(dies).output["a", "main"] == "so long\n"

    def test_processor_time_runs_out(self, folder: Path, stage: Theatre) -> None:
        spins = stage.scene("async def main(host):\n    while True: pass")
        with Cast(own=folder, cpu_seconds=1) as cast:
            event = exit_of(play(spins, cast, seed=1).trace)
        assert (event.how, event.detail) == (
            "died",
            "its process was killed by SIGXCPU, for it had used up its processor time",
        )


class TestLimits:
    @pytest.mark.parametrize(
        ("source", "line"),
        [
            ("async def main(host):\n    await trio.sleep(1)\n    while True: pass", 4),
            ("while True: pass", 2),
            ("async def main(host):\n    while True:\n        await trio.sleep(0)", 4),
            ("def deep(n):\n    while n == 0: pass\n    deep(n - 1)\nasync def main(host): deep(60)", 3),
        ],
        ids=["in main", "while loading", "with checkpoints", "sixty calls deep"],
    )
    def test_a_program_that_spins_is_stopped_at_its_line(
        self, stage: Theatre, impatient: None, source: str, line: int
    ) -> None:
        program = stage.program(source)
        event = exit_of(stage.play(program).trace)
        assert event.how == "stopped"
        assert event.detail.startswith("it ran for 0.3 s of real time without ever waiting")
        assert f'(File "{program.file}", line {line} in ' in event.detail

    def test_a_program_that_blocks_in_a_call_is_stopped_too(self, stage: Theatre, impatient: None) -> None:
        blocks = "import threading\nasync def main(host):\n    threading.Event().wait()"
        assert "line 4 in main" in exit_of(stage.play(blocks).trace).detail

    def test_the_dump_does_not_get_into_the_output(self, stage: Theatre, impatient: None) -> None:
        spins = "async def main(host):\n    print('going in')\n    while True: pass"
        assert stage.play(spins).output["a", "main"] == "going in\n"

    def test_a_program_that_sleeps_for_nanoseconds(self, stage: Theatre) -> None:
        dozes = "async def main(host):\n    while True: await trio.sleep(1e-9)"
        event = exit_of(stage.play(dozes, limits=Limits(exchanges=500)).trace)
        assert event.detail == "it took more than 500 turns; does it sleep for no time?"

    def test_two_programs_that_never_let_time_pass(self, stage: Theatre) -> None:
        echoes = """
            async def main(host):
                await host.link.send(b"x")
                async for frame in host.link:
                    await host.link.send(frame)
        """
        trace = stage.play(echoes, echoes, limits=Limits(exchanges=200)).trace
        assert "had to be stopped: it took more than 200 turns" in trace.ended
        assert trace.ended_at == 0

    def test_a_flood_of_frames(self, stage: Theatre) -> None:
        floods = "async def main(host):\n    while True: await host.link.send(b'x')"
        trace = stage.play(floods, ANSWERS, limits=Limits(frames=300)).trace
        assert exit_of(trace).detail == "more than 300 frames were sent"
        assert len(list(trace.frames())) == 300

    @pytest.mark.parametrize("what", ["host.note('x')", "host.app.send_nowait(b'x')"])
    def test_a_flood_of_messages(self, stage: Theatre, what: str) -> None:
        floods = f"async def main(host):\n    while True: {what}"
        trace = stage.play(floods, ports=(Port(host="a"),), limits=Limits(messages=1000)).trace
        assert exit_of(trace).detail == "it sent the judge more than 1,000 messages"

    def test_a_flood_of_bytes(self, stage: Theatre) -> None:
        floods = "async def main(host):\n    while True: host.app.send_nowait(bytes(1_000_000))"
        trace = stage.play(floods, ports=(Port(host="a"),), limits=Limits(message_bytes=1 << 22)).trace
        assert exit_of(trace).detail == "it sent the judge more than 4,194,304 bytes"

    def test_a_payload_that_no_message_can_hold(self, stage: Theatre) -> None:
        sends = "async def main(host): await host.app.send(bytes(2_000_000))"
        event = exit_of(stage.play(sends, ports=(Port(host="a"),)).trace)
        assert event.how == "raised"
        assert "2000002 bytes do not fit into a message" in event.detail

    def test_output_without_end(self, stage: Theatre) -> None:
        prints = "async def main(host):\n    while True: print('all work and no play')"
        played = stage.play(prints, limits=Limits(output_bytes=100_000))
        assert exit_of(played.trace).detail == "it printed more than 100,000 bytes"
        assert len(played.output["a", "main"]) < 5000

    def test_a_long_note_is_cut(self, stage: Theatre) -> None:
        ((_, text),) = notes(stage.play("async def main(host): host.note('x' * 5000)").trace)
        assert len(text) == 500

    def test_a_play_that_takes_too_long_is_broken_off_without_blame(self, stage: Theatre) -> None:
        slow = """
            import threading
            async def main(host):
                while True:
                    await trio.to_thread.run_sync(threading.Event().wait, 0.05)
                    await trio.sleep(1)
        """
        played = stage.play(slow, limits=Limits(real_seconds=0.3, time=3600 * SECOND))
        assert played.overrun == "the play took more than 0.3 s of real time"
        assert exit_of(played.trace).how == "cancelled"


class TestForgeries:
    """A program that speaks to the judge behind its host object's back. What it says is no evidence, and no crash."""

    SPEAKS = """
        import os, socket, struct
        from labs.testbed.channel import *
        async def main(host):
            say = host._carrier.tell
            raw = host._carrier._channel.sendall
            {what}
            await trio.sleep(1)
            print("went on")
    """

    def exit(self, stage: Theatre, what: str, **how: Any) -> Exit:
        played = stage.play(self.SPEAKS.format(what=what), ANSWERS, ports=(Port(host="a"),), **how)
        return exit_of(played.trace)

    @pytest.mark.parametrize(
        ("what", "told"),
        [
            ("say(Grant(10**18))", "it sent a Grant, which only the judge sends"),
            ("say(Start({}))", "it sent a Start, which only the judge sends"),
            ("say(Stop())", "it sent a Stop, which only the judge sends"),
            ("say(Offer(0, b'mine'))", "it sent a Offer, which only the judge sends"),
            ("say(Consumed(0, 5))", "it sent a Consumed, which only the judge sends"),
            ("say(Frame(7, b'x'))", "it sent on link 7, which it does not have"),
            ("say(Ask(7))", "it spoke to application port 7, which it does not have"),
            ("say(Deliver(7, b'x'))", "it spoke to application port 7, which it does not have"),
            ("raw(b'GET / HTTP/1.1')", "a message of 1195725856 bytes: the longest has 1048576, the shortest one"),
            ("raw(b'\\0\\0\\0\\x01?')", "there is no message of type b'?'"),
            ("raw(b'\\0\\0\\0\\x02W?')", "a broken message of type b'W': unpack requires a buffer of 8 bytes"),
        ],
    )
    def test_what_no_program_says_ends_it(self, stage: Theatre, what: str, told: str) -> None:
        event = self.exit(stage, what)
        assert (event.how, event.detail) == ("stopped", told)

    def test_half_a_message(self, stage: Theatre, impatient: None) -> None:
        event = self.exit(
            stage, "raw(b'\\0\\0\\0\\x50F'); __import__('time').sleep.__closure__; [0 for _ in iter(int, 1)]"
        )
        assert event.how == "stopped"

    def test_a_frame_above_the_cards_length_is_refused_by_the_wire(self, stage: Theatre) -> None:
        played = stage.play(self.SPEAKS.format(what="say(Frame(0, bytes(100_000)))"), ANSWERS)
        assert [(frame.lost, frame.arrivals) for frame in played.trace.frames()] == [("too long", ())]

    def test_an_end_that_is_none(self, stage: Theatre) -> None:
        event = self.exit(stage, "say(End('returned', 'all is well')); say(Deliver(0, b'late'))")
        assert (event.how, event.detail) == ("returned", "all is well")

    def test_a_wait_in_the_middle_does_not_move_anybodys_time(self, stage: Theatre) -> None:
        speaks = self.SPEAKS.format(what="say(Wait(5)); say(Frame(0, b'x')); say(Wait(0)); say(Frame(0, b'y'))")
        trace = stage.play(speaks, ANSWERS).trace
        assert [(frame.at, frame.data) for frame in trace.frames("a-b")] == [(5, b"x"), (5, b"y")]
        assert [event.at for event in trace.events] == sorted(event.at for event in trace.events)

    def test_waits_without_end(self, stage: Theatre, impatient: None) -> None:
        event = self.exit(stage, "\n            while True: raw(encode(Wait(0)))", limits=Limits(exchanges=2000))
        assert event.how == "stopped"

    def test_an_end_as_long_as_a_message_is_cut(self, stage: Theatre) -> None:
        assert len(self.exit(stage, "say(End('raised', 'x' * 1_000_000))").detail) == 8000


class TestAnotherLanguage:
    def test_a_command_finds_its_file_and_its_channel(self, stage: Theatre, folder: Path) -> None:
        (folder / "hello.sh").write_text('echo "channel $DOWNSTACK_CHANNEL" | sed "s/[0-9]*$/N/"; exit 4\n')
        played = stage.play(Program(host="a", file="hello.sh", command=("sh",)))
        assert played.output["a", "main"] == "channel N\n"
        assert exit_of(played.trace).detail == "its process exited with 4"

    def test_a_command_that_is_not_there(self, stage: Theatre) -> None:
        played = stage.play(Program(host="a", command=("no-such-language",)))
        assert exit_of(played.trace).how == "died"
        assert "no-such-language" in played.output["a", "main"]


def test_the_programs_of_two_plays_have_nothing_in_common(stage: Theatre) -> None:
    counts = """
        import random
        random.visits = getattr(random, "visits", 0) + 1
        async def main(host): host.note(str(random.visits))
    """
    program = stage.program(counts)
    assert [notes(stage.play(program).trace) for _ in range(2)] == [[(0, "1")]] * 2


def test_the_judges_own_process_never_imports_a_program(stage: Theatre) -> None:
    program = stage.program("import os\nprint(os.getpid())\nasync def main(host): pass")
    assert int(stage.play(program).output["a", "main"]) != os.getpid()
