"""What always holds of the policies, as figures that can be checked with a pencil.

`./lab test -s tests/mesh/test_invariants.py` prints them.
"""

from collections.abc import Awaitable, Callable

import pytest
import trio

from mesh.failures import CallFailed, Rejected, Status
from mesh.layers.breaking import breaking
from mesh.layers.deadlines import deadline
from mesh.policies.breaker import Breaker
from mesh.policies.budget import RetryBudget
from mesh.policies.outlier import OutlierDetection

Service = Callable[[str], Awaitable[str]]


def attempts(calls: int, *, budget: RetryBudget, seconds: float) -> int:
    """How often a dead host is asked when `calls` calls within `seconds` are repeated as often as the budget allows."""
    made = 0
    for index in range(calls):
        now = index * seconds / calls
        budget.request(now=now)
        made += 1
        while budget.may_retry(now=now):
            made += 1
    return made


def storm(calls: int, *, tiers: int, share: float) -> int:
    """How often the last tier is asked when each tier repeats what the next one fails, within budgets of `share`."""
    for _ in range(tiers):
        calls = attempts(calls, budget=RetryBudget(share=share, reserve=0), seconds=9)
    return calls


async def counted(outcome: str) -> tuple[int, int]:
    """What one call that ends so adds to a breaker's failures, and to its total."""
    breaker = Breaker(requests=1)

    async def service(request: str) -> str:
        match outcome:
            case "a timeout":
                await trio.sleep(60)
            case "a failure":
                raise CallFailed(Status.INTERNAL)
            case "refused by a bulkhead below":
                raise Rejected("bulkhead", Status.RESOURCE_EXHAUSTED)
            case "a bad request":
                raise CallFailed(Status.INVALID_ARGUMENT)
            case "given up by the caller":
                await trio.sleep_forever()
        return request

    guarded: Service = breaking(breaker)(deadline(1)(service))
    before = 0, 0
    if outcome == "refused by the open circuit":
        breaker.failed(now=trio.current_time())
        before = breaker.counts(now=trio.current_time())
    with trio.move_on_after(0.5 if outcome == "given up by the caller" else 2):
        try:
            await guarded("x")
        except CallFailed:
            pass
    after = breaker.counts(now=trio.current_time())
    return after[0] - before[0], after[1] - before[1]


def ejected(hosts: int, failing: int, detection: OutlierDetection) -> tuple[int, int, bool]:
    """With so many of `hosts` failing: how many are ejected, how many the limit keeps, whether there is panic."""
    detection.set_endpoints(range(hosts))
    for host in range(failing):
        for _ in range(detection.consecutive):
            detection.failed(host, now=0.0)
    return len(detection.ejected(now=0.0)), detection.overflows, detection.in_panic(now=0.0)


def test_the_retry_budget() -> None:
    made = attempts(1000, budget=RetryBudget(), seconds=9)
    print(f"\nretry budget: 1,000 calls to a dead host within one window, from a full reserve: {made:,} attempts")
    assert made == 1300


def test_the_storm() -> None:
    endless, bounded = 1000 * 3**3, storm(1000, tiers=3, share=0.2)
    print(f"\nthree tiers, three tries each: 1,000 calls become {endless:,}; with budgets of a fifth {bounded:,}")
    assert bounded == 1728  # 1.2 at each tier


@pytest.mark.parametrize(
    ("outcome", "failures", "total"),
    [
        ("a success", 0, 1),
        ("a failure", 1, 1),
        ("a timeout", 1, 1),
        ("refused by a bulkhead below", 1, 1),
        ("a bad request", 0, 0),
        ("refused by the open circuit", 0, 0),
        ("given up by the caller", 0, 0),
    ],
)
async def test_the_breaker_counts_as_hystrix(outcome: str, failures: int, total: int) -> None:
    added = await counted(outcome)
    print(f"\nbreaker: {outcome} adds {added[0]} to the failures and {added[1]} to the total")
    assert added == (failures, total)


@pytest.mark.parametrize(
    ("failing", "options", "out", "overflows", "panic"),
    [
        pytest.param(1, {}, 0, 1, False, id="Envoy's ten per cent"),
        pytest.param(1, {"always_one": True}, 1, 0, False, id="always one"),
        pytest.param(1, {"most_percent": 34}, 1, 0, False, id="34 per cent"),
        pytest.param(2, {"most_percent": 34}, 1, 1, False, id="34 per cent, two failing"),
        pytest.param(2, {"most_percent": 100}, 2, 0, True, id="all may go"),
    ],
)
def test_outliers_are_ejected_as_by_envoy(
    failing: int, options: dict[str, int], out: int, overflows: int, panic: bool
) -> None:
    found = ejected(3, failing, OutlierDetection(**options))  # type: ignore[arg-type]
    print(
        f"\noutlier detection: {failing} of 3 failing, {options or 'as Envoy by default'}: {found[0]} ejected,"
        f" {found[1]} prevented by the limit, {'panic' if found[2] else 'no panic'}"
    )
    assert found == (out, overflows, panic)
