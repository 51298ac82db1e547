"""What only the lecture on lab 7 reads out of a play: what each tier carried, and when probes went out."""

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

from labs.lab07_breaker.evidence import calls, crowd_calls
from labs.lab07_breaker.scenes import TIERS
from labs.story.chart import Chart, Series
from labs.story.notebook import Played, Table

STEP = 0.25  # seconds


def tiers(*plays: Played, names: tuple[str, ...] = ("calls made",)) -> Table:
    """How many calls each tier made, a column for each play."""
    rows = []
    for one, other in pairwise(TIERS):
        rows.append([one, *(len(calls(played.trace, f"{one}-{other}")) for played in plays)])
    return Table(["tier", *names], rows)


def probes_chart(plays: Mapping[str, Played]) -> Chart:
    """Calls of a crowd to *players*, by the quarter of a second."""
    return Chart(
        title="Calls that reach players",
        across="seconds of virtual time",
        up="calls in a quarter of a second",
        series=[Series(name, _counted(played), "steps") for name, played in plays.items()],
    )


def _counted(played: Played) -> list[tuple[float, float]]:
    counts: Counter[int] = Counter()
    for when, count in crowd_calls(played.trace):
        counts[int(when / STEP)] += count
    last = max(counts, default=0) + 1
    return [(number * STEP, float(counts[number])) for number in range(last + 1)]


def people_chart(played: Played, host: str = "teams") -> Chart:
    """How long whoever asked had to wait for what they were told, by when they asked; one after another."""
    offered = played.trace.at_port("offered", host)
    told = played.trace.at_port("delivered", host)
    points = [(one.at / 1e9, (other.at - one.at) / 1e6) for one, other in zip(offered, told, strict=False)]
    return Chart(
        title="What people wait for",
        across="seconds of virtual time",
        up="milliseconds until they are told something",
        series=[Series("people", points, "dots")],
    )
