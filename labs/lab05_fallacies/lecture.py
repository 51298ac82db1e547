"""What only the lecture on lab 5 reads out of a play: a log, how long calls took, and what has been paid so far."""

import re

from labs.lab05_fallacies.house import log
from labs.story.chart import Chart, Series
from labs.story.notebook import Played
from netstack.wire import SECOND

_TOOK = re.compile(r".*; (\d+\.\d) ms")
_BILLED = re.compile(r"line a, second (\d+): .*, (\d+) bytes, .*")


def lines(played: Played, host: str, name: str, *, like: str = "", most: int = 12) -> str:
    """The first lines of a log that hold `like`, each with its time in milliseconds."""
    found = [f"{at / 1e6:9.1f}  {line}" for at, line in log(played.trace, host, name) if like in line]
    more = [f"{'':9}  ... and {len(found) - most} more"] if len(found) > most else []
    return "\n".join(found[:most] + more)


def times(plays: dict[str, Played], title: str = "How long a call of teams takes") -> Chart:
    """Each call of *teams* that was answered: when, and after how many milliseconds."""
    series = []
    for name, played in plays.items():
        calls = [(at, found) for at, line in log(played.trace, "a", "teams") if (found := _TOOK.fullmatch(line))]
        points = [(at / SECOND, float(found[1])) for at, found in calls if "the question" not in found[0]]
        series.append(Series(name, points, "steps"))
    return Chart(title=title, across="seconds of virtual time", up="milliseconds", series=series)


def bills(plays: dict[str, Played]) -> Chart:
    """What the line to a has cost so far, in cents, second by second."""
    series = []
    for name, played in plays.items():
        found = (_BILLED.fullmatch(line) for _, line in log(played.trace, "m", "bill"))
        points, total = [(0.0, 0.0)], 0.0
        for second, octets in ((int(each[1]), int(each[2])) for each in found if each):
            total += octets / 1000
            points.append((float(second), total))
        series.append(Series(name, points, "steps"))
    return Chart(title="The bill for line a", across="seconds of virtual time", up="cents", series=series)
