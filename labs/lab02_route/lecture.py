"""What only the lecture on lab 2 needs: a few more scenes, and what its tables and charts read out of a play."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from ipaddress import IPv4Network

from mininet.topo import Topo

from labs.lab01_wire.peers import Timed, acting, address
from labs.lab02_route.evidence import INFINITY, metric, packet_in, said
from labs.lab02_route.peers import data
from labs.lab02_route.scenes import Build, address_of, by_hand, is_router, links_of, routed
from labs.lab02_route.topology import DELAY, Line, Routers
from labs.story.chart import Chart, Point, Series
from labs.story.diagram import in_words
from labs.story.notebook import Played, Table
from labs.story.trace import FrameEvent, Trace
from labs.testbed.scene import Limits, Plan, Program, Scene
from netstack.packet import BROADCAST, Packet, in_ethernet
from netstack.wire import MILLISECOND, SECOND

# Scenes ---------------------------------------------------------------------------------------------------------------

ALL = "all"
STATIONS = "abcd"
CIRCLE = partial(Routers, "r1-r2 r2-r3 r3-r1", "a-r1")


class TwoSwitches(Topo):
    """Two switches with a station at each, and so many cables between them."""

    def build(self, cables: int = 1) -> None:
        """Add a at the switch s1 and b at s2."""
        for end, switch in (("a", "s1"), ("b", "s2")):
            self.addLink(self.addHost(end, ip=None), self.addHost(switch, ip=None), delay=DELAY)
        for _ in range(cables):
            self.addLink("s1", "s2", delay=DELAY)


def switched(name: str, topology: Build, words: Iterable[tuple[int, str, str]], *, milliseconds: int = 60_000) -> Scene:
    """Stations around learning switches; `words` are (millisecond, who speaks, to whom), the last a station or ALL.

    A frame is of the kind `for-b`, by the card that it is for.
    """
    hosts = Plan.of(topology()).hosts
    cards = {host: address(number) for number, host in enumerate(hosts, 1)} | {ALL: BROADCAST}
    names = {card: f"for-{host}" for host, card in cards.items()}
    opening: dict[str, list[Timed]] = {host: [] for host in hosts if host in STATIONS}
    for at, speaker, to in words:
        packet = Packet(address_of(to[0]), address_of(speaker), f"{speaker} to {to}".encode())
        frame = in_ethernet(packet, destination=cards[to], source=cards[speaker])
        opening[speaker].append((at * MILLISECOND, frame))
    return Scene(
        name=name,
        topology=topology,
        programs=(
            *(acting(station, frames) for station, frames in opening.items()),
            *(Program(host=host, file="switch.py") for host in hosts if host not in STATIONS),
        ),
        classify=lambda frame: names.get(frame[:6], "other"),
        limits=Limits(time=milliseconds * MILLISECOND),
    )


def cabled(cables: int, milliseconds: int) -> Scene:
    """One frame for everybody, and two switches with so many cables between them."""
    return switched(f"{cables} cables", partial(TwoSwitches, cables), [(0, "a", ALL)], milliseconds=milliseconds)


def ages(oldest: int) -> Scene:
    """Packets from a to b through four routers in a row, which have 1 to `oldest` routers to live."""
    frames = [(n * 10 * MILLISECOND, data(address_of("b"), b"lives %d" % n, ttl=n)) for n in range(1, oldest + 1)]
    return routed("ages", Line, [acting("a", frames), acting("b")], router=by_hand)


def circle(to_live: int) -> Scene:
    """Three routers, each of which believes that 10.9/16 is behind the next one; and one packet for it."""
    lost = data(address_of("i"), b"lost", ttl=to_live)
    return routed("circle", CIRCLE, [acting("a", [(0, lost)])], router=_round)


def _round(plan: Plan, router: str) -> Program:
    after = {"r1": "r2", "r2": "r3", "r3": "r1"}[router]
    way = next(n for n, link in enumerate(links_of(plan, router)) if after in (end.host for end in link.ends))
    return Program(host=router, file="static_router.py", arguments={"routes": [["10.9.0.0/16", way]]})


# What is read out of a play -------------------------------------------------------------------------------------------


def heard(played: Played, station: str) -> list[str]:
    """What came to a station over its links, word for word, whomever it was for."""
    packets = (packet_in(frame.data) for frame in played.trace.frames() if _comes_to(frame, station))
    return [packet.payload.decode() for packet in packets if packet is not None]


def _comes_to(frame: FrameEvent, station: str) -> bool:
    return bool(frame.arrivals) and frame.direction.partition("-")[2].partition(".")[0] == station


def copies(played: Played, between: tuple[str, str] = ("s1", "s2")) -> list[Point]:
    """How many copies cross between two hosts in each millisecond: (millisecond, copies)."""
    directions = {"-".join(between), "-".join(between[::-1])}
    sent = Counter(
        frame.at // MILLISECOND for frame in played.trace.frames() if frame.direction.partition(".")[0] in directions
    )
    return [(at, sent[at]) for at in range(played.trace.ended_at // MILLISECOND)]


def beliefs(trace: Trace, network: IPv4Network) -> dict[str, list[tuple[int, int]]]:
    """How far each router believed `network` to be, by what it announced: (when, metric) at each change.

    To those through whom the way goes it is announced as infinite, so the least that a router says at a time is meant.
    """
    announced: dict[str, dict[int, int]] = {host: {0: INFINITY} for host in trace.hosts if is_router(host)}
    for line in trace.lines:
        for router, other in (line.ends, line.ends[::-1]):
            for frame, vector in said(trace, f"{router}-{other}") if is_router(router) else ():
                announced[router].setdefault(frame.at, INFINITY)
                announced[router][frame.at] = min(announced[router][frame.at], metric(vector, network))
    return {router: _changes(sorted(told.items())) for router, told in sorted(announced.items())}


def _changes(told: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    return [each for n, each in enumerate(told) if not n or told[n - 1][1] != each[1]]


def belief_table(played: Played, network: IPv4Network) -> Table:
    """A row for each moment at which somebody changed his mind about `network`, a column for each router."""
    by_time: defaultdict[int, dict[str, int]] = defaultdict(dict)
    found = beliefs(played.trace, network)
    for router, changes in found.items():
        for at, distance in changes:
            by_time[at][router] = distance
    known, rows = dict.fromkeys(found, INFINITY), []
    for at, news in sorted(by_time.items()):
        known |= news
        cells = (_cell(known[router], router in news and at > 0) for router in found)
        rows.append([in_words(at), *cells])
    return Table([f"{network} is at", *found], rows)


def _cell(distance: int, is_news: bool) -> str:
    shown = "∞" if distance == INFINITY else str(distance)
    return f"**{shown}**" if is_news else shown


def belief_chart(played: Played, network: IPv4Network, begin: float = 0.0) -> Chart:
    """The metric of `network` at each router over virtual time; `begin` is the second from which on it is drawn."""
    series = []
    for router, changes in beliefs(played.trace, network).items():
        lasting = [*changes, (played.trace.ended_at, changes[-1][1])]
        points = [(max(at / SECOND, begin) - begin, distance) for at, distance in _from(lasting, begin)]
        series.append(Series(router, points, "steps"))
    across = "seconds of virtual time" + (f" after {begin:g} s" if begin else "")
    return Chart(title=f"How far is {network}?", across=across, up="metric (16 is infinity)", series=series)


def _from(changes: Sequence[tuple[int, int]], begin: float) -> Sequence[tuple[int, int]]:
    """The changes after `begin`, and the last one before it."""
    before = [each for each in changes if each[0] <= begin * SECOND]
    return [*before[-1:], *changes[len(before) :]]


def waits(played: Played) -> list[Point]:
    """When each question was asked (s), and how long people waited for its answer (s)."""
    asked, told = (played.trace.at_port(what, "a") for what in ("offered", "delivered"))
    return [(one.at / SECOND, (other.at - one.at) / SECOND) for one, other in zip(asked, told, strict=False)]


def waits_chart(plays: Mapping[str, Played]) -> Chart:
    """How long people waited, against when they asked."""
    series = [Series(name, waits(played), "dots") for name, played in plays.items()]
    return Chart(title="People wait", across="asked at, seconds of virtual time", up="answer after, s", series=series)
