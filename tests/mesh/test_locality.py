"""Zones: who is near is preferred, nobody is drowned, and environments never mix."""

import random
from collections import Counter, defaultdict
from collections.abc import Collection

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mesh.instances import Instance, NoEndpoints
from mesh.policies.balance import LeastLoaded, TwoChoices
from mesh.policies.locality import Near, shares

NUMBERS = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 9).map(float), min_size=1)


@pytest.mark.parametrize(
    ("endpoints", "from_a"),
    [
        ({"a": 3, "b": 3}, {"a": 1.0}),
        ({"a": 4, "b": 2}, {"a": 1.0}),
        ({"a": 2, "b": 4}, {"a": 2 / 3, "b": 1 / 3}),
        ({"a": 0, "b": 6}, {"b": 1.0}),
        ({"b": 6}, {"b": 1.0}),
    ],
)
def test_own_zone_first_and_what_is_too_much_for_it_goes_elsewhere(endpoints: dict[str, float], from_a: object) -> None:
    assert shares("a", {"a": 1, "b": 1}, endpoints) == pytest.approx(from_a)


@given(NUMBERS, NUMBERS)
def test_every_endpoint_is_asked_for_the_same(callers: dict[str, float], endpoints: dict[str, float]) -> None:
    assume(sum(callers.values()) and sum(endpoints.values()))
    asked: dict[str, float] = defaultdict(float)
    for own in (zone for zone, count in callers.items() if count):
        parts = shares(own, callers, endpoints)
        assert sum(parts.values()) == pytest.approx(1)
        for zone, part in parts.items():
            asked[zone] += callers[own] * part / sum(callers.values())
    for zone in {*callers, *endpoints}:
        assert asked[zone] == pytest.approx(endpoints.get(zone, 0) / sum(endpoints.values()))


def instances(**zones: int) -> list[Instance]:
    return [
        Instance("players", f"{zone}{number}", f"10.0.0.{number}", 8080, {"zone": zone, "environment": "production"})
        for zone, count in zones.items()
        for number in range(count)
    ]


def near(ill: Collection[str] = (), **options: object) -> Near:
    def is_available(endpoint: object) -> bool:
        return isinstance(endpoint, Instance) and endpoint.name not in ill

    return Near(
        zone="eu",
        zone_of=lambda endpoint: endpoint.attributes["zone"],  # type: ignore[attr-defined]
        make=lambda: TwoChoices(randomness=random.Random(1), make=LeastLoaded, is_available=is_available),
        randomness=random.Random(2),
        is_available=is_available,
        **options,  # type: ignore[arg-type]
    )


def picked(balancer: Near, count: int = 6000) -> Counter[str]:
    zones: Counter[str] = Counter()
    for _ in range(count):
        endpoint = balancer.pick(now=0.0)
        balancer.begin(endpoint, now=0.0)
        balancer.end(endpoint, 0.01, now=0.0)
        zones[endpoint.name[:2]] += 1  # type: ignore[attr-defined]
    return zones


def test_calls_stay_in_their_zone_until_too_few_are_well_there() -> None:
    ill: set[str] = set()
    balancer = near(ill)
    balancer.set_endpoints(instances(eu=4, us=4))
    rows = [("all are well", picked(balancer))]
    ill |= {"eu0", "eu1"}
    rows.append(("two of four are ill", picked(balancer)))
    ill |= {"eu2", "eu3"}
    rows.append(("nobody is well here", picked(balancer)))
    ill |= {"us0"}
    rows.append(("panic: most are ill", picked(balancer)))
    for what, zones in rows:
        print(f"{what:22} eu {zones['eu'] / 60:3.0f} %   us {zones['us'] / 60:3.0f} %")
    assert [round(zones["eu"] / 600) for _, zones in rows] == [10, 7, 0, 5]


def test_among_few_or_without_a_zone_of_its_own_nobody_is_near() -> None:
    few = near()
    few.set_endpoints(instances(eu=2, us=2))
    assert few.parts() == {"eu": 2.0, "us": 2.0}
    away = near()
    away.set_endpoints(instances(us=4, asia=4))
    assert away.parts() == pytest.approx({"us": 0.5, "asia": 0.5})
    with pytest.raises(NoEndpoints):
        near().pick(now=0.0)


def test_who_knows_where_the_callers_are_keeps_more_of_them_at_home() -> None:
    balancer = near(callers={"eu": 1.0, "us": 3.0})
    balancer.set_endpoints(instances(eu=2, us=6))
    assert balancer.parts() == {"eu": 1.0}


def test_what_is_known_of_loads_outlives_a_change_elsewhere() -> None:
    balancer = near(least=1)
    there = instances(eu=2, us=2)
    balancer.set_endpoints(there)
    balancer.begin(there[0], now=0.0)
    balancer.set_endpoints([*there, *instances(asia=1)])
    assert {balancer.pick(now=0.0) for _ in range(20)} == {there[1]}
    balancer.set_endpoints(there[2:])
    balancer.end(there[0], 1.0, now=1.0)  # its zone is gone: nobody cares
