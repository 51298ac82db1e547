"""Leases, balancing and grouped alerts, in virtual time."""

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.instances import Instance, NoEndpoints, NoLease, Status
from mesh.policies.alerts import Alerts, Message
from mesh.policies.balance import LeastLoaded, PeakEwma, TwoChoices
from mesh.policies.leases import DURATION, Registry
from mesh.policies.ring import RingHash
from mesh.policies.round_robin import RoundRobin


def instance(name: str, **attributes: str) -> Instance:
    return Instance("players", name, f"10.0.0.{name}", 8080, attributes)


def run(registry: Registry, *, until: float, alive: set[str], begin: float = 0.0) -> float | None:
    """Renew for those alive each 30 s, sweep when due; return when the first instance was gone."""
    size = len(registry)
    now = begin
    while now < until:
        now += 1
        if now % 30 == 0:
            for each in list(registry):
                if each.name in alive:
                    registry.renew("players", each.name, now=now)
        due = registry.next_timer()
        if due is not None and due <= now:
            registry.handle_timer(now=now)
        if len(registry) < size:
            return now
    return None


def registered(count: int, **options: object) -> Registry:
    registry = Registry(randomness=random.Random(1), **options)  # type: ignore[arg-type]
    for number in range(count):
        registry.register(instance(str(number)), now=0.0)
    return registry


def test_who_stops_renewing_is_gone_with_the_sweep_after_ninety_seconds() -> None:
    alive = {str(number) for number in range(1, 20)}
    assert run(registered(20), until=600, alive=alive) == 120


def test_eurekas_documented_oversight_takes_twice_as_long() -> None:
    alive = {str(number) for number in range(1, 20)}
    assert run(registered(20, duration=2 * DURATION), until=600, alive=alive) == 240


def test_when_many_fall_silent_none_is_taken_out() -> None:
    registry = registered(20)
    assert run(registry, until=3600, alive={str(number) for number in range(10)}) is None
    assert registry.preserving
    assert run(registered(20, preserves_itself=False), until=600, alive=set()) is not None


@pytest.mark.parametrize(("count", "gone_at"), [(6, None), (7, 120)])
def test_among_six_a_single_death_is_never_believed(count: int, gone_at: float | None) -> None:
    assert run(registered(count), until=3600, alive={str(number) for number in range(1, count)}) == gone_at


def test_one_sweep_takes_fifteen_per_cent_at_most() -> None:
    registry = registered(20)
    alive = {str(number) for number in range(3, 20)} | {"0"}
    run(registry, until=121, alive=alive | {"1"})
    assert len(registry) >= 17


def test_a_query_names_attributes_and_only_who_is_up_is_found() -> None:
    registry = Registry(randomness=random.Random(1))
    registry.register(instance("1", environment="production", region="eu"), now=0)
    registry.register(instance("2", environment="test"), now=0)
    registry.register(instance("3", environment="production"), now=0)
    assert [each.name for each in registry.find("players", {"environment": "production"})] == ["1", "3"]
    registry.set_status("players", "3", Status.OUT_OF_SERVICE, now=1)
    assert [each.name for each in registry.find("players", {"environment": "production"})] == ["1"]
    registry.cancel("players", "1")
    assert registry.find("players", {"environment": "production"}) == []
    with pytest.raises(NoLease):
        registry.renew("players", "1", now=2)


def shares(took: dict[str, float], make: object, count: int = 20_000) -> Counter[str]:
    """How a balancer spreads requests that arrive every millisecond over endpoints that take so long."""
    balancer = TwoChoices(randomness=random.Random(1), make=make)  # type: ignore[arg-type]
    balancer.set_endpoints(list(took))
    picked: Counter[str] = Counter()
    running: list[tuple[float, str]] = []
    for step in range(count):
        now = step / 1000
        for end, endpoint in [each for each in running if each[0] <= now]:
            running.remove((end, endpoint))
            balancer.end(endpoint, took[endpoint], now=now)
        endpoint = str(balancer.pick(now=now))
        balancer.begin(endpoint, now=now)
        running.append((now + took[endpoint], endpoint))
        picked[endpoint] += 1
    return picked


@pytest.mark.parametrize("newcomer", [None, 0.03], ids=["finagle", "tower"])
def test_peak_ewma_sends_little_to_the_slow_one(newcomer: float | None) -> None:
    picked = shares({"a": 0.01, "b": 0.01, "slow": 0.2}, lambda: PeakEwma(newcomer=newcomer))
    assert picked["slow"] < 0.05 * picked.total()
    assert abs(picked["a"] - picked["b"]) < 0.1 * picked.total()


def test_finagle_sends_one_request_to_a_newcomer_and_tower_as_many_as_seem_cheap() -> None:
    finagle, tower = PeakEwma(), PeakEwma(newcomer=0.03)
    for load in (finagle, tower):
        load.begin(now=0.0)
    assert finagle.load(now=0.0) > 1e9
    assert tower.load(now=0.0) == pytest.approx(0.06)


def test_what_is_assumed_of_a_newcomer_fades_from_the_first_look_on() -> None:
    load = PeakEwma(newcomer=0.03)
    assert load.load(now=1e6) == pytest.approx(0.03)
    assert load.load(now=1e6 + 10) == pytest.approx(0.03 / math.e)


@pytest.mark.parametrize("make", [LeastLoaded, PeakEwma])
def test_who_goes_and_comes_again_meanwhile_owes_nothing(make: type[LeastLoaded] | type[PeakEwma]) -> None:
    balancer = TwoChoices(randomness=random.Random(1), make=make)
    for there in (["a"], [], ["a"]):
        balancer.set_endpoints(there)
        if there and not balancer._loads["a"].load(now=0.0):
            balancer.begin("a", now=0.0)
    balancer.end("a", 0.1, now=0.0)
    assert balancer._loads["a"].load(now=0.0) >= 0


@given(st.integers(1, 9), st.integers(0, 2**32))
def test_two_choices_pick_whoever_is_there(count: int, seed: int) -> None:
    balancer = TwoChoices(randomness=random.Random(seed))
    balancer.set_endpoints(range(count))
    assert balancer.pick(now=0.0) in range(count)


def test_who_is_not_available_is_passed_over_unless_nobody_is() -> None:
    balancer = TwoChoices(randomness=random.Random(1), is_available=lambda endpoint: endpoint == "well")
    balancer.set_endpoints(["well", "ill", "dead"])
    assert Counter(balancer.pick(now=0.0) for _ in range(1000))["well"] > 950
    balancer.set_endpoints(["ill", "dead"])
    assert balancer.pick(now=0.0) in {"ill", "dead"}


@pytest.mark.parametrize("balancer", [TwoChoices(randomness=random.Random(1)), RoundRobin()])
def test_nobody_is_there(balancer: TwoChoices | RoundRobin) -> None:
    with pytest.raises(NoEndpoints):
        balancer.pick(now=0.0)


def test_a_ring_moves_few_keys() -> None:
    ring, keys = RingHash(), [f"key {number}" for number in range(2000)]
    ring.set_endpoints("abcd")
    before = {key: ring.pick(key) for key in keys}
    assert all(300 < count < 700 for count in Counter(before.values()).values())
    ring.set_endpoints("abc")
    assert all(ring.pick(key) == owner for key, owner in before.items() if owner != "d")


def test_a_thousand_alerts_are_one_and_one_more_when_it_is_over() -> None:
    alerts = Alerts()
    for number in range(1000):
        alerts.opened("players", f"teams {number}", now=number / 1000)
    assert alerts.next_timer() == 5.0
    assert alerts.handle_timer(now=5.0) == [Message("players", 0.0, 1000)]
    for number in range(1000):
        alerts.closed("players", f"teams {number}", now=60.0)
    assert alerts.handle_timer(now=60.0) == [Message("players", 0.0, 1000, over=True)]
    assert alerts.next_timer() is None
