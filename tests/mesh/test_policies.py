"""The policies in virtual time, against their invariants and against models that are plain and slow."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.policies.accrual import FailureAccrual, Health
from mesh.policies.backoff import Backoff
from mesh.policies.breaker import Alert, Breaker, State
from mesh.policies.budget import RetryBudget
from mesh.policies.deadline import DeadlineError, format_timeout, parse_timeout
from mesh.policies.hedging import Hedging
from mesh.policies.limits import Bulkhead, RateLimit, Shedding
from mesh.policies.outlier import OutlierDetection

moments = st.lists(st.floats(0, 3), min_size=1, max_size=300)


def attempts(budget: RetryBudget, times: list[float]) -> int:
    """Attempts at a dead host: each request is tried again for as long as the budget lets it."""
    made = 0
    for now in times:
        budget.request(now=now)
        made += 1
        while budget.may_retry(now=now):
            made += 1
    return made


def test_a_thousand_calls_to_a_dead_host_make_1300_attempts() -> None:
    assert attempts(RetryBudget(), [index / 200 for index in range(1000)]) == 1300


def test_three_tiers_that_try_three_times_make_27_of_one_and_a_budget_keeps_them_near_one() -> None:
    assert 3**3 == 27
    budgets = [RetryBudget(reserve=0) for _ in range(3)]
    calls = 0

    def call(depth: int, now: float) -> None:
        nonlocal calls
        if depth == 3:
            calls += 1
            return
        budgets[depth].request(now=now)
        call(depth + 1, now)
        while budgets[depth].may_retry(now=now):
            call(depth + 1, now)

    for index in range(1000):
        call(0, index / 200)
    assert calls == 1728  # 1.2 at each tier, not 3


@given(steps=moments, share=st.sampled_from([0.0, 0.1, 0.2, 1.0]), reserve=st.sampled_from([0.0, 1.0, 10.0]))
def test_retries_never_exceed_their_share_and_the_reserve(steps: list[float], share: float, reserve: float) -> None:
    budget, now = RetryBudget(share=share, reserve=reserve), 0.0
    requests: list[float] = []
    retries: list[float] = []
    for step in steps:
        now += step
        requests.append(now)
        budget.request(now=now)
        while budget.may_retry(now=now):
            retries.append(now)
        paid = [when for when in requests if when > now - 20]
        recent = [when for when in retries if when > now - 9]
        assert len(recent) <= share * len(paid) + reserve * 10 + 1e-9


def trip(breaker: Breaker, now: float, count: int = 20) -> None:
    for _ in range(count):
        if breaker.may_pass(now=now):
            breaker.failed(now=now)


def test_a_breaker_opens_at_twenty_requests_of_which_half_have_failed() -> None:
    breaker = Breaker()
    for index in range(19):
        assert breaker.may_pass(now=0.0)
        (breaker.failed if index % 2 else breaker.succeeded)(now=0.0)
    assert breaker.state is State.CLOSED
    breaker.failed(now=0.0)
    assert breaker.state is State.OPEN
    assert not breaker.may_pass(now=4.999)


def test_half_open_lets_exactly_one_through() -> None:
    alerts: list[Alert] = []
    breaker = Breaker(name="players", alert=alerts.append)
    trip(breaker, 0.0)
    assert [breaker.may_pass(now=5.0) for _ in range(3)] == [True, False, False]
    breaker.failed(now=5.5)
    assert not breaker.may_pass(now=10.4)
    assert breaker.may_pass(now=10.5)
    breaker.succeeded(now=10.6)
    assert breaker.state is State.CLOSED
    assert breaker.counts(now=10.6) == (0, 0)
    assert [alert.after for alert in alerts] == [
        State.OPEN,
        State.HALF_OPEN,
        State.OPEN,
        State.HALF_OPEN,
        State.CLOSED,
    ]


def test_an_abandoned_probe_is_made_again() -> None:
    breaker = Breaker()
    trip(breaker, 0.0)
    assert breaker.may_pass(now=5.0)
    breaker.abandoned(now=6.0)
    assert breaker.may_pass(now=6.0)


@given(st.lists(st.tuples(st.floats(0, 2), st.booleans()), max_size=200))
def test_a_breaker_counts_as_the_model_does(calls: list[tuple[float, bool]]) -> None:
    breaker, now = Breaker(requests=10**9), 0.0
    made: list[tuple[int, bool]] = []
    for step, good in calls:
        now += step
        (breaker.succeeded if good else breaker.failed)(now=now)
        made.append((int(now), good))
        window = [outcome for second, outcome in made if second > int(now) - 10]
        assert breaker.counts(now=now) == (window.count(False), len(window))


def test_five_failures_in_a_row_mark_an_endpoint_dead_for_longer_each_time() -> None:
    accrual = FailureAccrual(randomness=random.Random(1), rate=0.0, backoff=Backoff(first=5, most=300, jitter="none"))
    now, pauses = 0.0, []
    for _ in range(5):
        accrual.failed(now=now)
    for _ in range(8):
        died = now
        while not accrual.is_available(now=now):
            now += 1
        pauses.append(now - died)
        accrual.begin(now=now)
        assert not accrual.is_available(now=now)
        accrual.failed(now=now)
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300]


def test_who_cannot_be_reached_is_dead_at_once_and_tried_again_soon() -> None:
    accrual = FailureAccrual(randomness=random.Random(1))
    accrual.unreachable(now=0.0)
    assert not accrual.is_available(now=0.4)
    assert accrual.is_available(now=1.0)
    accrual.begin(now=1.0)
    accrual.unreachable(now=1.0)
    assert not accrual.is_available(now=1.9)
    assert accrual.is_available(now=3.0)
    accrual.begin(now=3.0)
    accrual.succeeded(now=3.0)
    accrual.failed(now=3.0)
    assert accrual.health is Health.ALIVE


def test_a_probe_that_says_nothing_is_made_again() -> None:
    accrual = FailureAccrual(randomness=random.Random(1))
    for _ in range(5):
        accrual.failed(now=0.0)
    assert accrual.health is Health.DEAD
    assert accrual.is_available(now=1000.0)
    accrual.begin(now=1000.0)
    accrual.ignored(now=1000.0)
    assert accrual.is_available(now=1000.0)
    accrual.begin(now=1000.0)
    accrual.succeeded(now=1000.0)
    assert accrual.health is Health.ALIVE


@pytest.mark.parametrize(
    ("options", "out"),
    [
        pytest.param({}, [], id="ten per cent of three is none"),
        pytest.param({"always_one": True}, ["a"], id="always one"),
        pytest.param({"most_percent": 34}, ["a"], id="one of three is 33 per cent"),
    ],
)
def test_how_many_of_three_hosts_are_ejected(options: dict[str, int], out: list[str]) -> None:
    detection = OutlierDetection(**options)  # type: ignore[arg-type]
    detection.set_endpoints(["a", "b", "c"])
    for host in ("a", "b"):
        for _ in range(5):
            detection.failed(host, now=0.0)
    assert detection.ejected(now=0.0) == out
    assert detection.overflows == 2 - len(out)


def eject(detection: OutlierDetection, host: str, *, now: float) -> None:
    for _ in range(5):
        detection.failed(host, now=now)


def test_an_ejected_host_comes_back_with_a_sweep() -> None:
    detection = OutlierDetection(most_percent=100)
    detection.set_endpoints(["a", "b", "c"])
    eject(detection, "a", now=3.0)
    assert not detection.is_available("a", now=39.9)  # 30 seconds are over, but the next sweep is at 40
    assert detection.is_available("a", now=40.0)


def test_relapses_cost_more_and_good_times_are_counted_too() -> None:
    detection = OutlierDetection(most_percent=100)
    detection.set_endpoints(["a", "b", "c"])
    eject(detection, "a", now=0.0)
    eject(detection, "a", now=30.0)
    assert detection.ejected(now=89.9) == ["a"]  # the second time it is 60 seconds
    eject(detection, "a", now=105.0)  # one good sweep, at 100
    assert detection.ejected(now=169.9) == ["a"]
    assert detection.ejected(now=170.0) == []


def test_panic_ignores_health_when_fewer_than_half_are_left() -> None:
    detection = OutlierDetection(most_percent=100)
    detection.set_endpoints(["a", "b", "c"])
    eject(detection, "a", now=0.0)
    assert [detection.is_available(host, now=0.0) for host in "abc"] == [False, True, True]
    eject(detection, "b", now=0.0)
    assert detection.in_panic(now=0.0)
    assert [detection.is_available(host, now=0.0) for host in "abc"] == [True, True, True]


@given(st.floats(1e-9, 1e8))
def test_a_timeout_travels(seconds: float) -> None:
    back = parse_timeout(format_timeout(seconds))
    assert back == pytest.approx(seconds, rel=1e-3, abs=1.5e-9) or (back >= seconds and seconds > 1e3)


@given(st.text(max_size=12))
def test_any_text_is_a_timeout_or_the_one_error(text: str) -> None:
    try:
        assert parse_timeout(text) >= 0
    except DeadlineError:
        pass


def test_a_bulkhead_takes_so_many_and_lets_so_many_wait() -> None:
    bulkhead = Bulkhead(most=2, waiting=1)
    assert [bulkhead.enter() for _ in range(3)] == [True, True, False]
    assert [bulkhead.queue() for _ in range(2)] == [True, False]
    bulkhead.leave()
    bulkhead.leave_queue()
    assert bulkhead.enter()


@given(moments)
def test_a_rate_limit_never_lets_more_pass_than_burst_and_rate(steps: list[float]) -> None:
    limit, now, passed = RateLimit(rate=5, burst=10), 0.0, 0
    for step in steps:
        now += step
        passed += limit.allow(now=now)
        assert passed <= 10 + 5 * now + 1e-6


def test_a_queue_that_has_settled_in_is_shed() -> None:
    shedding = Shedding(target=0.005, interval=0.1)
    assert shedding.patience(0, now=1.0) == 0.1
    assert shedding.patience(3, now=1.09) == 0.1  # it was empty not a tenth of a second ago: a burst
    assert shedding.patience(9, now=1.11) == 0.005
    assert shedding.patience(0, now=1.12) == 0.1


def test_hedging_waits_for_the_slowest_per_cent_and_hedges_about_as_many() -> None:
    hedging, hedged, draw = Hedging(), 0, random.Random(1)
    for _ in range(10_000):
        seconds = draw.expovariate(10)
        wait = hedging.wait()
        if wait is not None and seconds > wait and hedging.may_hedge():
            hedged += 1
        hedging.answered(seconds)
    assert 50 <= hedged <= 110
