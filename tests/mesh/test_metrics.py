"""The golden numbers: what is counted, and that Prometheus could read it."""

import math

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from mesh.failures import CallFailed, Status
from mesh.layers import deadline, statistics
from mesh.service import Stack
from mesh.telemetry.metrics import BOUNDS, Calls, Histogram, Metrics


def test_nothing_was_called_yet() -> None:
    assert math.isnan(Calls().success_rate)
    assert math.isnan(Histogram().quantile(0.5))


@given(st.lists(st.floats(0, 60_000), min_size=1), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_the_bound_above_the_value(values: list[float], share: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    exact = sorted(values)[math.ceil(share * len(values)) - 1]
    assert histogram.quantile(share) == min((bound for bound in BOUNDS if bound >= exact), default=math.inf)


async def test_each_end_of_a_call_is_counted() -> None:
    metrics = Metrics()
    calls = metrics.calls(service="players", instance='a"1')

    async def service(request: str) -> str:
        if request == "wrong":
            raise CallFailed(Status.NOT_FOUND)
        await trio.sleep(2 if request == "slow" else 0.0025)
        return request

    players = Stack[str, str]().push("statistics", statistics(calls)).push("timeout", deadline(1)).over(service)
    for request in ("x", "x", "x", "slow", "wrong"):
        try:
            await players(request)
        except CallFailed:
            pass
    with trio.move_on_after(0.5):
        await players("slow")
    assert (calls.requests, calls.responses.total(), calls.success_rate) == (6, 5, pytest.approx(4 / 5))
    assert (calls.latency.quantile(0.5), calls.latency.quantile(1)) == (3, 1000)
    labels = r'{instance="a\"1",service="players"'
    lines = metrics.text().splitlines()
    assert f"request_total{labels}}} 6" in lines
    assert f'response_total{labels},classification="failure",status="DEADLINE_EXCEEDED"}} 1' in lines
    assert f'response_latency_ms_bucket{labels},le="3"}} 4' in lines
    assert f'response_latency_ms_bucket{labels},le="+Inf"}} 5' in lines
    metrics.forget(service="players", instance='a"1')
    assert "players" not in metrics.text()
