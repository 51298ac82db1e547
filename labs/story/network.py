"""The network of a play as a picture: its hosts and links, laid out by how far each host is from the first."""

from collections import deque
from collections.abc import Sequence

from labs.story.escape import html
from labs.story.trace import Line, Trace

ACROSS, DOWN = 200.0, 84.0  # pixels between columns, at least, and rows
LETTER = 6.8  # a letter's width
WIDE, HIGH = 76.0, 34.0  # of a host's box
EDGE = 50.0
APART = 40.0  # of links between the same two hosts


def svg(trace: Trace) -> str:
    """The hosts and links of `trace` as SVG that takes its colours from the page."""
    places = _places(trace.hosts, trace.lines)
    width = max((x for x, _ in places.values()), default=0.0) + EDGE
    height = max((y for _, y in places.values()), default=0.0) + HIGH
    height += APART * max((_parallel(line, trace.lines) for line in trace.lines), default=0)
    told = f"{len(trace.hosts)} hosts; links: {', '.join(line.name for line in trace.lines) or 'none'}"
    links = "".join(_link(line, places, among=_parallel(line, trace.lines)) for line in trace.lines)
    hosts = "".join(
        f'<rect x="{x - WIDE / 2:g}" y="{y - HIGH / 2:g}" width="{WIDE:g}" height="{HIGH:g}" rx="6"/>'
        f'<text class="host" x="{x:g}" y="{y + 5:g}" text-anchor="middle">{html(host)}</text>'
        for host, (x, y) in places.items()
    )
    return (
        f'<svg class="network" width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}" role="img">'
        f"<title>{html(told)}</title>{links}{hosts}</svg>"
    )


def _places(hosts: Sequence[str], lines: Sequence[Line]) -> dict[str, tuple[float, float]]:
    """A host at the edge on the left, each other in the column of its distance to it, columns centred."""
    distance: dict[str, int] = {}
    for root in sorted(hosts, key=lambda host: len(_neighbours(host, lines)) != 1):
        if root not in distance:
            _measure(root, lines, distance)
    columns: dict[int, list[str]] = {}
    for host in sorted(hosts, key=distance.__getitem__):
        columns.setdefault(distance[host], []).append(host)
    for column, names in columns.items():  # links cross less if a host stands level with those it is joined to
        before = columns.get(column - 1, [])
        levels = {name: [before.index(each) for each in _neighbours(name, lines) if each in before] for name in names}
        names.sort(key=lambda name: sum(levels[name]) / max(1, len(levels[name])))
    tallest = max(map(len, columns.values()), default=0)
    longest = max((len(words) for line in lines for words in (line.name, line.properties)), default=0)
    across = max(ACROSS, WIDE + 24 + LETTER * longest)  # room for a link's words between two hosts
    return {
        host: (EDGE + across * column, HIGH + DOWN * (row + (tallest - len(names)) / 2))
        for column, names in columns.items()
        for row, host in enumerate(names)
    }


def _neighbours(host: str, lines: Sequence[Line]) -> list[str]:
    return [other for line in lines if host in line.ends for other in line.ends if other != host]


def _measure(root: str, lines: Sequence[Line], distance: dict[str, int]) -> None:
    distance[root] = 0
    queue = deque([root])
    while queue:
        host = queue.popleft()
        for other in _neighbours(host, lines):
            if other not in distance:
                distance[other] = distance[host] + 1
                queue.append(other)


def _parallel(line: Line, lines: Sequence[Line]) -> int:
    """Which of the links between the same two hosts `line` is, from 0."""
    return [other for other in lines if set(other.ends) == set(line.ends)].index(line)


def _link(line: Line, places: dict[str, tuple[float, float]], among: int) -> str:
    (x0, y0), (x1, y1) = (places[host] for host in line.ends)
    bulge = APART * among  # parallel links bend away from each other
    if x0 == x1:  # in one column: around the hosts between them, if there are any
        bend_x, bend_y = x0 + (70 if abs(y0 - y1) > DOWN else 0) + bulge, (y0 + y1) / 2
    else:
        bend_x, bend_y = (x0 + x1) / 2, (y0 + y1) / 2 + bulge
    path = f"M{x0:g} {y0:g} Q{2 * bend_x - (x0 + x1) / 2:g} {2 * bend_y - (y0 + y1) / 2:g} {x1:g} {y1:g}"
    return (
        f'<path d="{path}"/><text class="link" text-anchor="middle" x="{bend_x:g}" y="{bend_y - 6:g}">{html(line.name)}'
        f'<tspan x="{bend_x:g}" dy="19">{html(line.properties)}</tspan></text>'
    )
