"""A house with three hosts and a hub, and a calm day in it, from which each fallacy departs.

The house is the same in every scene, and so are the programs in it: *teams* on a and *scores* on c call *players* on b,
by the standard call, and what they say passes m, the hub in the middle, with its bill and its two policies. Programs
and logs have the same names on every day, so that these tell nothing. All numbers are drawn from a source that is
handed in.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

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
            plan=lineups([(0.6 + n * 0.5, n + 1001) for n in range(12)], source), version=source.randint(2, 3)
        ),
        cards=cards,
        longest={line: source.choice((1514, 1614, 2014, 9014)) for line in "abc"},
        links={"b": {"delay": f"{source.randint(10, 20)}ms"}},
        policies=[
            ("north", "a", [_strangers(source), *_rules(source, 200)]),
            ("south", "b", _rules(source, 500)),
        ],
        script=(f"drop m-a:ack:{source.randint(2, 4)}",),
    )


def _rules(source: random.Random, lowest: int) -> list[dict[str, Any]]:
    """What either administrator has written down: *players* may be called, and anything else may not."""
    first = lowest + source.randrange(10, 150)
    return [
        rule(first, "what is for port 8080", "lets through", port=PORT),
        rule(first + source.randrange(10, 150), "anything else", "refuses"),
    ]


def _strangers(source: random.Random) -> dict[str, Any]:
    """A rule that refuses something every day, and does no harm: a hub says to a what is not for a, too."""
    return rule(source.randrange(110, 190), "what is neither from a nor for a", "refuses", stranger_to="10.0.0.1")


def rule(
    number: int, says: str, does: str, *, port: int = 0, holds: str = "", longer: int = 0, stranger_to: str = ""
) -> dict[str, Any]:
    """A rule is about packets to or from a `port`, that hold some text, and are longer than so many bytes.

    And neither from nor for the address `stranger_to`.
    """
    return {
        "number": number,
        "says": says,
        "does": does,
        "port": port,
        "holds": holds,
        "longer": longer,
        "stranger_to": stranger_to,
    }


# Reading its logs ---------------------------------------------------------------------------------------------------


def log(trace: Trace, host: str, name: str) -> list[tuple[int, str]]:
    """The lines of a log, and when each was written (ns)."""
    return [(event.at, event.payload.decode("utf-8", "replace")) for event in trace.at_port("delivered", host, name)]


def told_by(trace: Trace, host: str, name: str, pattern: str) -> list[re.Match[str]]:
    """The lines of a log that match."""
    return [found for _, line in log(trace, host, name) if (found := re.fullmatch(pattern, line))]
