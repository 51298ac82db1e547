"""What only the lecture on lab 6 reads out of a play: who had no answer when, who was asked, who was listed."""

from collections.abc import Iterable, Mapping

from labs.lab06_discovery.evidence import asked, lists, percentile, waits
from labs.lab06_discovery.questions import SORRY
from labs.lab06_discovery.scenes import WAYS
from labs.story.chart import Chart, Series
from labs.story.notebook import Played, Table
from netstack.wire import SECOND


def lost_chart(played: Played, ways: Iterable[str] = WAYS) -> Chart:
    """For each of the old ways, how many questions have had no answer so far."""
    series = []
    for way in ways:
        points, lost = [(0.0, 0.0)], 0
        for event in played.trace.at_port("delivered", "a", way):
            lost += SORRY in event.payload
            points.append((event.at / SECOND, float(lost)))
        series.append(Series(f"by {way}", points, "steps"))
    return Chart(title="Questions without an answer", across="seconds", up="questions", series=series)


def listed_chart(plays: Mapping[str, Played]) -> Chart:
    """For each play, how many instances the registry lists to whoever asks."""
    series = [
        Series(name, [(at, float(len(names))) for at, names in lists(played.trace)], "steps")
        for name, played in plays.items()
    ]
    return Chart(title="Instances that are listed", across="seconds", up="instances", series=series)


def wait_chart(plays: Mapping[str, Played]) -> Chart:
    """For each play, how long people waited: the share of them that waited no longer."""
    series = []
    for name, played in plays.items():
        found = waits(played.trace)
        points = [(100 * (n + 1) / len(found), 1000 * wait) for n, wait in enumerate(found)]
        series.append(Series(name, points))
    return Chart(title="Who waits how long", across="% of all people", up="ms", series=series)


def share_table(plays: Mapping[str, Played], hosts: Iterable[str] = ("p1", "p2", "p3")) -> Table:
    """For each play, what part of the questions each instance got, and what the unluckiest of a hundred waited."""
    hosts = tuple(hosts)
    rows = []
    for name, played in plays.items():
        counts, found = asked(played.trace, hosts), waits(played.trace)
        shares = [f"{counts[host] / counts.total():.0%}" for host in hosts]
        rows.append(
            [name, *shares, f"{1000 * percentile(found, 0.5):.0f} ms", f"{1000 * percentile(found, 0.99):.0f} ms"]
        )
    return Table(["", *hosts, "half wait up to", "99 % wait up to"], rows)
