"""The eight fallacies of distributed computing, a scene each, all in one house; and the number that each scene shows.

The house is the same in every scene, and so are the programs in it: *teams* on a and *scores* on c call *players* on b,
by the standard call, and what they say passes m, the hub in the middle, with its bill and its two policies. A scene
differs from a calm day in one thing, which is its fallacy. All numbers are drawn from a source that is handed in.

The fallacies are Peter Deutsch's, of 1994, and the last one James Gosling's.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from labs.lab04_stack.evidence import segments
from labs.lab04_stack.peers import LENGTH
from labs.lab05_fallacies.kinds import classify
from labs.lab05_fallacies.topology import House
from labs.story.trace import Trace
from labs.testbed.scene import Limits, Port, Program, Reader, Scene
from netstack.wire import SECOND, Fault

PORT = 8080
SECONDS = 8
A_LITTLE = 6
"""Milliseconds that the line to a and the work at either end take."""

NEVER_READ = Reader(pauses=((0, 1 << 62),))
"""Logs are written, and nobody says that he has read them: a line each is enough."""

LOGS = (
    *(("m", "middle", log) for log in ("bill", "policy", "lines")),
    *(("b", "players", "players"), ("c", "spare", "spare"), ("c", "scores", "scores"), ("a", "teams", "teams")),
)
"""The logs of the house: a host, a program on it, and the name of the log."""

TEAMS = ("Herons", "Otters", "Badgers", "Kestrels", "Pikes", "Martens")
NAMES = (
    *("Ada", "Amy", "Jim", "Kay", "Ken", "Ole", "Alan", "Dana", "Fran", "Hedy", "Joan", "John", "Lynn", "Mary", "Tony"),
    *("Vint", "Carla", "Grace", "Karen", "Radia", "Robin", "Shafi", "Butler", "Dennis", "Donald", "Edsger", "Leslie"),
    *("Sophie", "Barbara", "Charles", "Frances", "Maurice", "Niklaus", "Richard"),
)
"""At least six of each length, so that a lie that is as long as the truth can always be found."""

Call = tuple[str, dict[str, Any]]
Question = tuple[float, list[Call]]


@dataclass(slots=True, kw_only=True)
class Caller:
    """How `given/house_caller.py` is told to behave. Times are seconds."""

    plan: list[Question]
    book: list[tuple[float, str]] = field(default_factory=lambda: [(0.0, "b")])
    patience: float = 3.0
    each: bool = False
    together: bool = False
    order: str = "big"
    version: int = 2

    def arguments(self) -> dict[str, Any]:
        """As a program's arguments."""
        return {name: getattr(self, name) for name in self.__slots__} | {"port": PORT}


@dataclass(slots=True, kw_only=True)
class Day:
    """A day in the house: what is not said otherwise is calm."""

    teams: Caller
    scores: Caller
    cards: dict[str, list[str]]
    photo: int = 400
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    longest: dict[str, int]
    policies: list[tuple[str, str, list[dict[str, Any]]]]
    lie: tuple[int, list[str]] | None = None
    moves: float | None = None
    script: tuple[str, ...] = ()

    def scene(self, name: str) -> Scene:
        """The scene of this day."""
        cards = {"teams": self.cards, "photo": self.photo, "port": PORT}
        middle = {"seconds": SECONDS, "longest": self.longest, "policies": self.policies}
        return Scene(
            name=name,
            topology=partial(House, **self.links),
            programs=(
                _program("m", "house_middle.py", "middle", middle),
                _program("b", "house_players.py", "players", cards | {"begins": 0.0, "ends": self.moves}),
                _program("c", "house_players.py", "spare", cards | {"begins": self.moves, "ends": None}),
                replace(_program("c", "house_listener.py", "listener", {"lie": self.lie}), raw=True),
                _program("c", "house_caller.py", "scores", self.scores.arguments()),
                _program("a", "house_caller.py", "teams", self.teams.arguments()),
            ),
            ports=tuple(Port(host=host, name=log, program=name, reader=NEVER_READ) for host, name, log in LOGS),
            script=tuple(map(Fault.parse, self.script)),
            limits=Limits(time=(SECONDS + 1) * SECOND),
            classify=classify,
        )


def _program(host: str, file: str, name: str, arguments: Mapping[str, Any]) -> Program:
    return Program(host=host, file=file, name=name, arguments={"log": name, **arguments})


# A calm day, from which each fallacy departs -------------------------------------------------------------------------


def lineups(days: Sequence[tuple[float, int]], source: random.Random) -> list[Question]:
    """Questions of one call each: who plays for some team on a day."""
    return [(at, [("lineup", {"team": source.choice(TEAMS), "day": day})]) for at, day in days]


def calm(source: random.Random) -> Day:
    """Nothing goes wrong: *teams* asks four times a second, *scores* twice.

    One acknowledgement is lost, and nobody is the worse for it; lines and versions differ, and it does no harm.
    """
    cards = {team: source.sample(NAMES, source.randint(2, 5)) for team in TEAMS}
    return Day(
        teams=Caller(plan=lineups([(0.5 + n * 0.25, n + 1) for n in range(24)], source)),
        scores=Caller(
            plan=lineups([(0.6 + n * 0.5, n + 101) for n in range(12)], source), version=source.randint(2, 3)
        ),
        cards=cards,
        longest={line: source.choice((1514, 1614, 2014, 9014)) for line in "abc"},
        links={"b": {"delay": f"{source.randint(10, 20)}ms"}},
        policies=[
            ("north", "a", _rules(source, 100)),
            ("south", "b", _rules(source, 500)),
        ],
        script=(f"drop m-a:ack:{source.randint(2, 4)}",),
    )


def _rules(source: random.Random, lowest: int) -> list[dict[str, Any]]:
    """What either administrator has written down: *players* may be called, and anything else may not."""
    first = lowest + source.randrange(10, 150)
    return [
        _rule(first, "what is for port 8080", "lets through", port=PORT),
        _rule(first + source.randrange(10, 150), "anything else", "refuses"),
    ]


def _rule(number: int, says: str, does: str, *, port: int = 0, holds: str = "", longer: int = 0) -> dict[str, Any]:
    """A rule is about packets to or from a `port`, that hold some text, and are longer than so many bytes."""
    return {"number": number, "says": says, "does": does, "port": port, "holds": holds, "longer": longer}


# The eight -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Incident:
    """A scene that shows a fallacy, and how its number is read out of the trace, give or take `tolerance`."""

    scene: Scene
    number: Callable[[Trace], float]
    tolerance: float = 0.0


def reliable(source: random.Random) -> Incident:
    """The line to a is cut a few times while calls are under way: some were carried out, and nobody knows."""
    day = calm(source)
    every, first = source.randint(30, 45) / 1000, source.randint(1, 400)
    day.teams = Caller(plan=lineups([(0.5 + n * every, first + n) for n in range(80)], source), each=True, patience=0.5)
    day.links = {"b": {"delay": f"{source.randint(50, 80)}ms"}}
    cuts = sorted(source.sample((8, 16, 24), source.randint(2, 3)))
    day.script += tuple(
        f"cut a-m:{at * 100 + source.randrange(60)}ms-{at * 100 + source.randint(550, 700)}ms" for at in cuts
    )
    return Incident(day.scene("reliable"), _carried_out_and_not_answered)


def latency(source: random.Random) -> Incident:
    """The line is long, and *teams* asks for each player's number, one after another."""
    day = calm(source)
    way = source.randint(40, 55)
    asked = source.sample(TEAMS, 3)
    longest = source.choice(asked)
    at, first = 0.5, source.randint(1, 300)
    plan: list[Question] = []
    for number, team in enumerate(asked, first):
        players = source.sample(NAMES, source.randint(10, 21) if team == longest else source.randint(2, 8))
        day.cards[team] = players
        shirts: list[Call] = [("shirt", {"player": player}) for player in players]
        plan.append((at, [("lineup", {"team": team, "day": number}), *shirts]))
        at += round((len(players) + 3) * (way + A_LITTLE) * 2 / 1000, 1)  # not before the one before is answered
    day.teams = Caller(plan=plan)
    day.links = {"b": {"delay": f"{way}ms"}}
    return Incident(day.scene("latency"), _most_in_a_row)


def bandwidth(source: random.Random) -> Incident:
    """The line to b is slow, and *teams* asks for many photos at once."""
    day = calm(source)
    day.photo = source.randint(50, 120) * 100
    plan: list[Question] = []
    for at in (0.5, 3.0, 5.0):
        players = source.sample(NAMES, source.randint(2, 6))
        plan.append((at, [("photo", {"player": player}) for player in players]))
    day.teams = Caller(plan=plan, each=True, together=True)
    day.links = {"b": {"bw": source.randint(30, 60) / 100, "delay": f"{source.randint(3, 9)}ms"}}
    return Incident(day.scene("bandwidth"), _queue, 1.0)


def secure(source: random.Random) -> Incident:
    """Somebody on c hears a question, and answers before *players* does."""
    day = calm(source)
    first = source.randint(10, 70)
    day.teams = Caller(plan=lineups([(0.5 + n * 0.25, first + n) for n in range(24)], source))
    _, ((_, asked),) = day.teams.plan[source.randint(6, 22)]
    true = day.cards[asked["team"]]
    place = source.randrange(len(true))
    alike = [name for name in NAMES if len(name) == len(true[place]) and name not in true]
    lie = [*true[:place], source.choice(alike), *true[place + 1 :]]
    day.lie = (asked["day"], lie)
    return Incident(day.scene("secure"), _day_of_the_lie)


def topology(source: random.Random) -> Incident:
    """*players* moves from b to c. *scores* is told; *teams* learns of it only later."""
    day = calm(source)
    day.moves = source.randint(20, 35) / 10 + 0.04
    learns = day.moves + source.randint(5, 30) / 10
    every, first = source.choice((0.07, 0.09, 0.11)), source.randint(1, 400)
    count = int(5 / every)
    day.teams = Caller(
        plan=lineups([(0.5 + n * every, first + n) for n in range(count)], source),
        book=[(0.0, "b"), (learns, "c")],
        each=True,
    )
    day.scores.book, day.scores.each = [(0.0, "b"), (day.moves, "c")], True
    day.links = {"b": {"delay": "2ms"}}
    return Incident(day.scene("topology"), _refused)


def administrator(source: random.Random) -> Incident:
    """One of the two has written down a rule of which the other knows nothing."""
    day = calm(source)
    number = source.randrange(10, 90)
    which = source.randrange(2)
    extra = source.choice(
        (
            _rule(0, "nobody asks for `shirt`", "refuses", port=PORT, holds='"method":"shirt"'),
            _rule(0, "no long packets", "refuses", port=PORT, longer=source.randint(300, 700)),
        )
    )
    name, line, rules = day.policies[which]
    extra["number"] = rules[0]["number"] - number % 10 - 1
    day.policies[which] = (name, line, [extra, *rules])
    day.photo = 1200
    plan: list[Question] = []
    for n, (at, (call,)) in enumerate(day.teams.plan):
        player = source.choice(NAMES)
        calls = (call, ("shirt", {"player": player}), ("photo", {"player": player}))
        plan.append((at, [calls[n % 3]]))
    day.teams = Caller(plan=plan, each=True, patience=0.8)
    return Incident(day.scene("administrator"), _rule_that_refused)


def cost(source: random.Random) -> Incident:
    """*teams* asks all the time whether anything has changed, each time over another connection."""
    day = calm(source)
    every, first = source.randint(25, 60) / 1000, source.randint(1, 900)
    count = int(2.5 / every)
    day.teams = Caller(plan=[(0.5 + n * every, [("changed", {"since": first + n})]) for n in range(count)], each=True)
    return Incident(day.scene("cost"), _bytes_per_byte, 1.0)


def homogeneous(source: random.Random) -> Incident:
    """Two who are not alike: in the order of bytes in a number, or in the length of the frames that lines carry."""
    return source.choice((two_orders, two_lengths))(source)


def two_orders(source: random.Random) -> Incident:
    """*scores* writes lengths with their lowest byte first, and *players* reads them with their highest first."""
    day = calm(source)
    ahead = source.randrange(10 ** source.randint(1, 12))
    day.scores.plan = lineups([(at, ahead + n) for n, (at, _) in enumerate(day.scores.plan)], source)
    day.scores.order = "little"
    return Incident(day.scene("homogeneous"), _length_that_was_meant)


def two_lengths(source: random.Random) -> Incident:
    """The line to a carries shorter frames than those that *players* sends there."""
    day = calm(source)
    day.longest["a"] = source.randint(420, 980)
    day.photo = 1200
    players = [source.choice(NAMES) for _ in day.teams.plan]
    plan: list[Question] = []
    for n, ((at, calls), player) in enumerate(zip(day.teams.plan, players, strict=True)):
        plan.append((at, [("photo", {"player": player})] if n % 4 == 3 else calls))
    day.teams = Caller(plan=plan, each=True, patience=0.8)
    return Incident(day.scene("homogeneous-lines"), _longest_that_fits)


Make = Callable[[random.Random], Incident]


@dataclass(frozen=True, slots=True)
class Fallacy:
    """One of the eight, in the words in which it is usually told; what makes a scene of it, and what its number is."""

    words: str
    make: Make
    number: str


FALLACIES = {
    "reliable": Fallacy(
        "The network is reliable.",
        reliable,
        "how many calls of *teams* *players* carried out although *teams* never heard an answer",
    ),
    "latency": Fallacy(
        "Latency is zero.",
        latency,
        "of how many calls, one after another, the longest question of *teams* is made",
    ),
    "bandwidth": Fallacy(
        "Bandwidth is infinite.",
        bandwidth,
        "the queue: of the photos asked for at once, by how many ms the last came later than the first, at most",
    ),
    "secure": Fallacy(
        "The network is secure.",
        secure,
        "the day of the lineup that *players* never said so",
    ),
    "topology": Fallacy(
        "Topology does not change.",
        topology,
        "how many calls *teams* made to where *players* no longer was",
    ),
    "administrator": Fallacy(
        "There is one administrator.",
        administrator,
        "the number of the rule that the other one does not know of",
    ),
    "cost": Fallacy(
        "Transport cost is zero.",
        cost,
        "how many bytes line a carried, by the bill, for each byte that *teams* and *scores* asked or were answered",
    ),
    "homogeneous": Fallacy(
        "The network is homogeneous.",
        homogeneous,
        "of two byte orders: how many bytes the length really meant; of two MTUs: the lesser one",
    ),
}
"""The eight, by the names that answers use."""


# The numbers ---------------------------------------------------------------------------------------------------------


def log(trace: Trace, host: str, name: str) -> list[tuple[int, str]]:
    """The lines of a log, and when each was written (ns)."""
    return [(event.at, event.payload.decode("utf-8", "replace")) for event in trace.at_port("delivered", host, name)]


def _told_by(trace: Trace, host: str, name: str, pattern: str) -> list[re.Match[str]]:
    """The lines of a log that match."""
    return [found for _, line in log(trace, host, name) if (found := re.fullmatch(pattern, line))]


def _carried_out_and_not_answered(trace: Trace) -> float:
    """How many calls of *teams* *players* carried out although *teams* heard no answer."""
    served = {found[1] for found in _told_by(trace, "b", "players", r"served (lineup .*): .*")}
    return sum(found[1] in served for found in _told_by(trace, "a", "teams", r"(.*): no answer .*"))


def _most_in_a_row(trace: Trace) -> float:
    """How many calls, one after another, the longest question of *teams* is made of."""
    counts, calls = [0], 0
    for _, line in log(trace, "a", "teams"):
        if re.match(r"(lineup|shirt) .*: .*; ", line):
            calls += 1
        if line.startswith("the question of "):
            counts.append(calls)
            calls = 0
    return max(counts)


def _queue(trace: Trace) -> float:
    """By how many milliseconds the last of several photos that were asked for at once came later than the first."""
    longest, took = 0.0, []
    for _, line in log(trace, "a", "teams"):
        if found := re.fullmatch(r"photo .*: .*; (\d+\.\d) ms", line):
            took.append(float(found[1]))
        elif line.startswith("the question of "):
            longest, took = max(longest, took[-1] - took[0]), []
    return longest


def _day_of_the_lie(trace: Trace) -> float:
    """The day of the lineup of which *teams* heard something else than *players* said."""
    said = {found[1]: found[2] for found in _told_by(trace, "b", "players", r"served lineup (.*): (.*)")}
    heard = _told_by(trace, "a", "teams", r"lineup (.*): (.*); .*")
    (forged,) = (found[1] for found in heard if said.get(found[1]) != found[2])
    return int(forged.split()[-1])


def _refused(trace: Trace) -> float:
    """How many calls of *teams* went to where *players* no longer was."""
    return len(_told_by(trace, "a", "teams", r".*: refused"))


def _rule_that_refused(trace: Trace) -> float:
    """The number of the rule that refused packets."""
    rules = {found[1] for found in _told_by(trace, "m", "policy", r".*, rule (\d+), .*: refuses .*")}
    (number,) = rules
    return int(number)


def _bytes_per_byte(trace: Trace) -> float:
    """Bytes that the line to a carried, by the bill, for each byte that the two asked or were answered."""
    (carried,) = _told_by(trace, "m", "bill", r"line a, in all: .*, (\d+) bytes, .*")
    asked = r"in all .*, (\d+) bytes asked, (\d+) bytes answered"
    used = [*_told_by(trace, "a", "teams", asked), *_told_by(trace, "c", "scores", asked)]
    return int(carried[1]) / sum(int(found[1]) + int(found[2]) for found in used)


def _length_that_was_meant(trace: Trace) -> float:
    """How many bytes the first message had that *players* could not understand."""
    sent = [one.tcp.payload for one in segments(trace, "c-m") if one.tcp.payload]
    return len(sent[0]) - LENGTH


def _longest_that_fits(trace: Trace) -> float:
    """The longest frame that the line to a carries."""
    (found,) = _told_by(trace, "m", "lines", r"line a: frames of up to (\d+) bytes")
    return int(found[1])
