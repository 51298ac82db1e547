"""What only the lecture on lab 8 shows: who is called when, how long people wait, and a fleet half way."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from labs.fleet.catalogue import SERVICES
from labs.fleet.measuring import Measured, half_way, in_virtual_time
from labs.fleet.prices import ByLibrary
from labs.lab08_library.evidence import called, waits
from labs.lab08_library.scenes import PLAYERS
from labs.story.chart import Chart, Series
from labs.story.notebook import Played

CALLEES_FIRST = tuple(kind.name for kind in SERVICES)
CALLERS_FIRST = tuple(reversed(CALLEES_FIRST))


def calls_chart(played: Played, hosts: Sequence[str] = PLAYERS) -> Chart:
    """How many calls each instance has got, over virtual time."""
    series = []
    for host, found in called(played.trace, hosts).items():
        steps = [(0.0, 0.0), *((call.at, float(number)) for number, call in enumerate(found, 1))]
        series.append(Series(host, [*steps, (max(played.trace.ended_at / 1e9, 1.0), float(len(found)))], "steps"))
    return Chart(title="Calls to each instance", across="seconds", up="calls", series=series)


def waits_chart(plays: Mapping[str, Played]) -> Chart:
    """How long each person waited, one after another, in several plays."""
    series = [
        Series(
            name, [(float(number), 1000 * took) for number, took in enumerate(waits(played.trace).values(), 1)], "dots"
        )
        for name, played in plays.items()
    ]
    return Chart(title="How long people wait", across="question", up="milliseconds", series=series)


def half_way_chart(orders: Mapping[str, Sequence[str]]) -> Chart:
    """How many of the twelve services cannot answer when the first so many of an order have release 2."""
    series = []
    for name, order in orders.items():
        points = [(float(count), float(len(_failing(order[:count])))) for count in range(len(order) + 1)]
        series.append(Series(name, points, "steps"))
    return Chart(title="A fleet half way", across="services upgraded", up="services that fail", series=series)


def _failing(upgraded: Sequence[str]) -> set[str]:
    with tempfile.TemporaryDirectory(prefix="downstack-fleet-") as folder:
        return half_way(Path(folder), upgraded)


def fleet(*, bridge: bool = False, rate: float = 24.0) -> Measured:
    """The fleet's upgrade, in virtual time."""
    upgrade = ByLibrary(CALLEES_FIRST, bridge=bridge)
    with tempfile.TemporaryDirectory(prefix="downstack-fleet-") as folder:
        return in_virtual_time(Path(folder), SERVICES, upgrade, rate=rate, seed=1, done=lambda name: None)
