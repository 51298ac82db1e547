"""Layers in virtual time: what passes, what is refused, what is tried again, what a cancelled call leaves behind."""

import random
from collections.abc import Awaitable, Callable

import pytest
import trio

from mesh.failures import CallFailed, Rejected, Status
from mesh.layers import breaking, bulkhead, deadline, hedged, rate_limit, retries, shedding
from mesh.policies.breaker import Breaker, State
from mesh.policies.budget import RetryBudget
from mesh.policies.hedging import Hedging
from mesh.policies.limits import Bulkhead, RateLimit, Shedding
from mesh.service import Stack

Handler = Callable[[str], Awaitable[str]]


def failing(*outcomes: CallFailed | str) -> tuple[Handler, list[str]]:
    """A service that does these things in turn, then the last one for ever; and the calls that it saw."""
    seen: list[str] = []

    async def service(request: str) -> str:
        outcome = outcomes[min(len(seen), len(outcomes) - 1)]
        seen.append(request)
        await trio.lowlevel.checkpoint()
        if isinstance(outcome, CallFailed):
            raise outcome
        return outcome

    return service, seen


def unavailable(*, maybe_done: bool = False) -> CallFailed:
    return CallFailed(Status.UNAVAILABLE, maybe_done=maybe_done)


def again(budget: RetryBudget | None = None, *, idempotent: bool = True, tries: int = 3) -> object:
    return retries(
        budget or RetryBudget(), randomness=random.Random(1), is_idempotent=lambda _: idempotent, tries=tries
    )


async def test_a_deadline_ends_a_call_and_the_earlier_one_holds() -> None:
    async def slow(request: str) -> str:
        await trio.sleep(10)
        return request

    with pytest.raises(CallFailed) as failed:
        await deadline(2)(slow)("x")
    assert failed.value.status is Status.DEADLINE_EXCEEDED
    assert trio.current_time() == pytest.approx(2)
    with trio.move_on_after(1) as outer:
        await deadline(5)(slow)("x")
    assert outer.cancelled_caught
    assert trio.current_time() == pytest.approx(3)


async def test_what_failed_by_chance_is_tried_again() -> None:
    service, seen = failing(unavailable(), unavailable(), "answer")
    assert await again()(service)("x") == "answer"  # type: ignore[operator]
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("failure", "idempotent", "calls"),
    [
        pytest.param(unavailable(maybe_done=True), False, 1, id="perhaps done, and must not be done twice"),
        pytest.param(unavailable(maybe_done=True), True, 3, id="perhaps done, and may be done twice"),
        pytest.param(unavailable(maybe_done=False), False, 3, id="never sent"),
        pytest.param(CallFailed(Status.NOT_FOUND), True, 1, id="the caller's own fault"),
        pytest.param(Rejected("breaker"), True, 1, id="refused by a layer of our own"),
    ],
)
async def test_what_may_be_tried_again(failure: CallFailed, idempotent: bool, calls: int) -> None:
    service, seen = failing(failure)
    with pytest.raises(CallFailed):
        await again(idempotent=idempotent)(service)("x")  # type: ignore[operator]
    assert len(seen) == calls


async def test_the_storm_without_a_budget_and_with_one() -> None:
    async def load(budgets: list[RetryBudget]) -> int:
        service, seen = failing(unavailable())
        for budget in budgets:
            service = again(budget)(service)  # type: ignore[operator]
        for _ in range(200):
            with pytest.raises(CallFailed):
                await service("x")
        return len(seen)

    endless = [RetryBudget(share=1.0, reserve=1e9) for _ in range(3)]
    assert await load(endless) == 200 * 27
    assert await load([RetryBudget(reserve=0) for _ in range(3)]) <= 200 * 1.2**3


async def test_a_breaker_refuses_and_recovers() -> None:
    breaker = Breaker(name="players")
    service, seen = failing(*[unavailable()] * 20, "answer")
    guarded = breaking(breaker)(service)
    for _ in range(20):
        with pytest.raises(CallFailed):
            await guarded("x")
    with pytest.raises(Rejected, match="players is open"):
        await guarded("x")
    assert len(seen) == 20
    await trio.sleep(5)
    assert await guarded("x") == "answer"
    assert breaker.state is State.CLOSED


async def test_a_cancelled_probe_does_not_keep_the_circuit_half_open() -> None:
    breaker = Breaker(requests=1)

    async def stuck(request: str) -> str:
        if request == "fail":
            raise unavailable()
        if request == "stick":
            await trio.sleep_forever()
        return request

    guarded = breaking(breaker)(stuck)
    with pytest.raises(CallFailed):
        await guarded("fail")
    await trio.sleep(5)
    with trio.move_on_after(1):
        await guarded("stick")
    assert await guarded("x") == "x"


async def test_a_bulkhead_lets_so_many_in_so_many_wait_and_refuses_the_rest() -> None:
    most = 0
    inside = 0

    async def service(request: str) -> str:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await trio.sleep(1)
        inside -= 1
        return request

    guarded = bulkhead(Bulkhead(most=2, waiting=3))(service)
    refused = 0

    async def ask() -> None:
        nonlocal refused
        try:
            await guarded("x")
        except Rejected:
            refused += 1

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(ask)
    assert (most, refused) == (2, 3)
    assert trio.current_time() == pytest.approx(3)


async def test_a_caller_that_waits_no_longer_leaves_its_place() -> None:
    policy = Bulkhead(most=1, waiting=1)

    async def service(request: str) -> str:
        await trio.sleep(10)
        return request

    guarded = bulkhead(policy)(service)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(guarded, "first")
        await trio.sleep(1)
        with trio.move_on_after(1):
            await guarded("second")
        await guarded("third")
    assert (policy.active, policy.queued) == (0, 0)
    assert trio.current_time() == pytest.approx(20)


async def test_a_rate_limit_refuses_what_is_too_much() -> None:
    service, seen = failing("answer")
    guarded = rate_limit(RateLimit(rate=1, burst=2))(service)
    for _ in range(2):
        await guarded("x")
    with pytest.raises(Rejected):
        await guarded("x")
    await trio.sleep(1)
    await guarded("x")
    assert len(seen) == 3


async def served(requests: int, every: float) -> tuple[int, float]:
    """How many of so many requests a server does that does ten a second, one at a time; and the longest answer time."""
    done: list[float] = []

    async def service(request: str) -> str:
        await trio.sleep(0.1)
        return request

    async def ask(guarded: Handler) -> None:
        began = trio.current_time()
        try:
            await guarded("x")
        except Rejected:
            return
        done.append(trio.current_time() - began)

    guarded: Handler = shedding(Shedding(target=0.15, interval=0.5), most=1)(service)
    async with trio.open_nursery() as nursery:
        for _ in range(requests):
            nursery.start_soon(ask, guarded)
            await trio.sleep(every)
    return len(done), max(done)


async def test_a_burst_waits_and_what_is_too_much_for_long_is_shed() -> None:
    assert await served(4, 0.01) == (4, pytest.approx(0.37))
    answered, longest = await served(1000, 0.05)  # twice as many as it can do
    assert answered == pytest.approx(500, abs=20)
    assert longest < 0.61


async def test_hedging_spares_the_slowest() -> None:
    calls = 0

    async def service(request: str) -> str:
        nonlocal calls
        calls += 1
        await trio.sleep(10 if request == "slow" and calls % 2 else 0.01)
        return request

    policy = Hedging()
    guarded = hedged(policy, is_idempotent=lambda _: True)(service)
    for _ in range(20):
        await guarded("x")
    calls, began = 0, trio.current_time()
    await guarded("slow")
    assert trio.current_time() - began == pytest.approx(0.02)
    assert calls == 2


async def test_a_stack_of_them_all() -> None:
    service, seen = failing(unavailable(), "answer")
    stack = (
        Stack()
        .push("deadline", deadline(1))
        .push("retries", again())  # type: ignore[arg-type]
        .push("breaker", breaking(Breaker()), why="it must see each try")
        .push("bulkhead", bulkhead(Bulkhead()))
    )
    assert await stack.over(service)("x") == "answer"
    assert len(seen) == 2
