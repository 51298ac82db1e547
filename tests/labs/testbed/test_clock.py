"""Virtual time inside a program: what we rely on in trio, pinned, and the clock built on it.

These tests run trio in this process, on a clock that an ordinary function grants; `test_sim.py` has the judge do it.
Should a new trio break one of the first five, `labs/testbed/program/clock.py` must be thought through again.
"""

import math
import random
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio._core import _run as trios_run
from trio.lowlevel import checkpoint, current_trio_token
from trio.testing import wait_all_tasks_blocked

from labs.testbed.channel import NEVER
from labs.testbed.program.clock import NANO, GrantedClock, seed_everything, to_nanoseconds


class Judge:
    """Grants whatever is asked for, at once, and remembers it."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.clock = GrantedClock(self.exchange)

    def exchange(self, deadline: int) -> int:
        self.asked.append(deadline)
        assert deadline < NEVER, "everything is blocked for ever"
        return deadline

    def run(self, main: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        return trio.run(main, *args, clock=self.clock)


@pytest.fixture
def judge() -> Judge:
    return Judge()


@pytest.fixture(autouse=True)
def trio_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`seed_everything` changes trio and `random` for good, which the other tests should not feel."""
    monkeypatch.setattr(trios_run, "_ALLOW_DETERMINISTIC_SCHEDULING", trios_run._ALLOW_DETERMINISTIC_SCHEDULING)
    monkeypatch.setattr(trios_run, "_r", trios_run._r)
    state = random.getstate()
    yield
    random.setstate(state)


class TestTriosInside:
    """What is not trio's public interface, and carries us all the same."""

    def test_this_is_the_trio_that_was_read(self) -> None:
        assert trio.__version__ == "0.35.0"

    def test_a_clock_is_asked_exactly_when_no_task_can_run(self) -> None:
        rounds: list[tuple[bool, bool]] = []  # of trio's loop: could a task run, and was the clock asked?
        asked = False

        class Clock(GrantedClock):
            def deadline_to_sleep_time(self, deadline: float) -> float:
                nonlocal asked
                asked = True
                return super().deadline_to_sleep_time(deadline)

        class Rounds(trio.abc.Instrument):
            def before_io_wait(self, timeout: float) -> None:
                nonlocal asked
                rounds.append((bool(trios_run.GLOBAL_RUN_CONTEXT.runner.runq), asked))
                asked = False

        async def spin() -> None:
            for _ in range(50):
                await checkpoint()

        async def main() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(spin)
                await trio.sleep(1)
                nursery.start_soon(spin)

        # The clock is asked before `before_io_wait`, and what it wakes is not ready yet: so both see the same queue.
        trio.run(main, clock=Clock(lambda deadline: deadline), instruments=[Rounds()])
        assert set(rounds) == {(True, False), (False, True)}
        assert rounds.count((True, False)) >= 100

    def test_ready_tasks_are_shuffled_by_a_generator_that_we_may_replace(self) -> None:
        def order(seed: str) -> list[int]:
            seed_everything(seed)
            ran: list[int] = []

            async def task(number: int) -> None:
                for _ in range(3):
                    await checkpoint()
                    ran.append(number)

            async def main() -> None:
                async with trio.open_nursery() as nursery:
                    for number in range(8):
                        nursery.start_soon(task, number)

            Judge().run(main)
            return ran

        assert order("one") == order("one")
        assert len({tuple(order(seed)) for seed in "abcdefgh"}) == 8

    def test_who_waits_for_idleness_is_known(self, judge: Judge) -> None:
        async def main() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait_all_tasks_blocked)
                for _ in range(3):
                    await checkpoint()
                assert len(trios_run.GLOBAL_RUN_CONTEXT.runner.waiting_for_idle) == 1

        judge.run(main)

    def test_what_trio_tells_itself_waits_in_a_queue(self, judge: Judge) -> None:
        async def main() -> None:
            queue = trios_run.GLOBAL_RUN_CONTEXT.runner.entry_queue
            current_trio_token().run_sync_soon(print)
            current_trio_token().run_sync_soon(print, idempotent=True)
            assert len(queue.queue) == 1
            assert len(queue.idempotent_queue) == 1

        judge.run(main)


class TestGrantedTime:
    def test_sleeping_costs_one_exchange_and_lasts_exactly_as_long(self, judge: Judge) -> None:
        async def main() -> list[float]:
            times = []
            for seconds in (0.1, 0.2, 3600):
                await trio.sleep(seconds)
                times.append(trio.current_time())
            return times

        assert judge.run(main) == pytest.approx([0.1, 0.3, 3600.3])
        assert len(judge.asked) == 3

    @given(st.lists(st.integers(0, 10_000), min_size=1, max_size=20))
    def test_many_sleeps_last_as_long_as_their_sum(self, milliseconds: list[int]) -> None:
        judge = Judge()

        async def main() -> None:
            for each in milliseconds:
                await trio.sleep(each / 1000)

        judge.run(main)
        assert judge.clock.now == sum(milliseconds) * 1_000_000

    def test_two_deadlines_within_a_nanosecond_are_both_met(self, judge: Judge) -> None:
        async def main() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_until, 0.105)
                nursery.start_soon(trio.sleep_until, 0.005 + 0.1)

        assert 0.005 + 0.1 > 0.105
        judge.run(main)
        assert judge.clock.now == 105_000_000

    def test_timeouts_and_sleepers_wake_in_the_order_of_their_deadlines(self, judge: Judge) -> None:
        woken: list[tuple[str, float]] = []

        async def sleeper(name: str, seconds: float) -> None:
            await trio.sleep(seconds)
            woken.append((name, trio.current_time()))

        async def main() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(sleeper, "late", 2)
                nursery.start_soon(sleeper, "early", 1)
                with trio.move_on_after(1.5):
                    await trio.sleep_forever()
                woken.append(("timeout", trio.current_time()))

        judge.run(main)
        assert woken == [("early", 1), ("timeout", 1.5), ("late", 2)]
        assert judge.asked == [1 * NANO, 3 * NANO // 2, 2 * NANO]

    def test_the_judge_may_grant_less_than_was_asked(self) -> None:
        grants = iter([NANO // 2, NANO // 2, NANO])
        seen: list[float] = []

        def exchange(deadline: int) -> int:
            seen.append(deadline)
            return next(grants)

        async def main() -> float:
            await trio.sleep(1)
            return trio.current_time()

        assert trio.run(main, clock=GrantedClock(exchange)) == 1.0
        assert seen == [NANO] * 3

    def test_time_never_goes_back_whatever_the_judge_says(self) -> None:
        grants = iter([NANO // 2, 0, NANO])
        clock = GrantedClock(lambda deadline: next(grants))
        times: list[float] = []

        class Look(trio.abc.Instrument):
            def after_io_wait(self, timeout: float) -> None:
                times.append(clock.current_time())

        trio.run(trio.sleep, 1, clock=clock, instruments=[Look()])
        assert times == sorted(times)

    @pytest.mark.parametrize("cushion", [0.0, 0.01])
    def test_waiting_until_all_are_blocked_takes_no_virtual_time(self, judge: Judge, cushion: float) -> None:
        async def main() -> float:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep, 5)
                await checkpoint()
                await wait_all_tasks_blocked(cushion)
                return trio.current_time()

        assert judge.run(main) == 0
        assert judge.asked == [5 * NANO]

    def test_what_a_program_tells_trio_to_do_soon_is_done_before_time_passes(self, judge: Judge) -> None:
        called_at: list[float] = []

        async def main() -> None:
            current_trio_token().run_sync_soon(lambda: called_at.append(trio.current_time()))
            await trio.sleep(5)

        judge.run(main)
        assert called_at == [0]

    def test_no_time_passes_while_a_thread_of_trios_own_is_out(self, judge: Judge) -> None:
        """Programs get theirs run in place; this is for libraries that took hold of `run_sync` before."""
        never = threading.Event()

        async def main() -> None:
            with trio.move_on_after(5) as scope:
                await trio.to_thread.run_sync(never.wait, 0.05)
            assert not scope.cancelled_caught
            assert trio.current_time() == 0

        judge.run(main)
        assert judge.asked == []


@given(st.integers(0, 86_400_000))
def test_a_deadline_in_milliseconds_is_met_exactly(milliseconds: int) -> None:
    assert to_nanoseconds(milliseconds / 1000) == milliseconds * 1_000_000


@pytest.mark.parametrize("deadline", [math.inf, 1e30, NEVER / NANO])
def test_a_deadline_that_never_comes_is_never(deadline: float) -> None:
    assert to_nanoseconds(deadline) == NEVER


@pytest.mark.parametrize("deadline", [-1.0, 0.0])
def test_a_deadline_in_the_past_is_now(deadline: float) -> None:
    assert to_nanoseconds(deadline) == 0


def test_the_two_streams_of_chance_differ() -> None:
    seed_everything("7")
    assert random.random() != random.Random("7").random(), "host.random and random would draw the same numbers"
