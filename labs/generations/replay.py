"""The replay: each fault of a script alone, and all of them together, on each generation; and what each came to.

People ask *teams* five times a second, for twenty seconds, the same of every generation; hosts and line are the same
too. One play is without faults. What another did that this one did not is what its faults caused: which answers came
late, wrong, or not at all, and which of the generation's means against faults were used, how often. A fault alone tells
who *absorbed* it: the highest of those means that were used, if people noticed nothing. The plays with all faults
together tell what a whole bad day is like.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, cycle
from pathlib import Path
from tempfile import TemporaryDirectory

from labs.conformance import Asked, about
from labs.course import Course
from labs.generations.evidence import is_hit
from labs.generations.faults import Cut, Fault, Kill, Messages, Noise, Stop, kills
from labs.generations.known import KNOWN, PROGRAMS, Generation, Means
from labs.generations.outcome import LATE, Got, Outcome, outcome
from labs.generations.topology import Line
from labs.lab00_machine.starter import business
from labs.story.trace import Trace
from labs.testbed import sim
from labs.testbed.cast import Cast
from labs.testbed.scene import Limits, Offering, Pause, Port, Program, Scene
from netstack import wire
from netstack.wire import MILLISECOND, SECOND

EVERY = 200 * MILLISECOND
COUNT, KNOWN_EACH = 100, 4


def _asked() -> Iterator[Asked]:
    """Each fourth question is about a team that has players. Nobody plays for the others, whose names all differ, so
    that it can be told which of them an answer answers; the few teams with players come round every four seconds.
    """
    known = cycle(business.CARDS)
    for number in range(1, COUNT + 1):
        yield about(f"Team {number}" if number % KNOWN_EACH else next(known))


ASKED = tuple(_asked())
PATIENCE = 8 * SECOND  # after the last question: longer than any generation lets people wait
ROOM = 8  # frames that wait for a program which does not run; Linux keeps bytes, some 270 frames that are short
ROUND_TRIP = 40 * MILLISECOND
HOSTS = {"teams": "a", "players": "b"}
DIRECTIONS = {"teams": "a-b", "players": "b-a"}
MESSAGE, SIGNAL = "message", "signal"
PRELOAD = (
    "mesh.http.client",
    "mesh.http.server",
    "mesh.layers",
    "mesh.policies.breaker",
    "mesh.policies.budget",
    "mesh.rpc",
    "netstack.flow.messages",
    "netstack.flow.sequence",
)
"""What programs import, once for all of them."""

NOISE = {"loss": "loss", "duplicate": "duplicate", "damage": "corrupt"}
"""A link's own words for what a script calls noise."""


class ReplayError(Exception):
    """A generation does not even work without faults, or this machine is too slow; the text says which."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a fault came to on one generation.

    `is_met` is False when it hit nothing. `acted` are the means that were used more often than without it, the lowest
    first, and how much more often. `ended` says how *teams* ended, if it did not live to the end.
    """

    is_met: bool
    outcome: Outcome
    without: Outcome
    acted: Mapping[Means, int]
    ended: str = ""

    @property
    def late(self) -> list[int]:
        """By how many nanoseconds answers were late, those that were late enough to be noticed."""
        return [delay for delay in self.outcome.delays(self.without) if delay >= LATE]

    @property
    def delay(self) -> int:
        """The most by which an answer came later, in nanoseconds."""
        return max([0, *self.outcome.delays(self.without)])

    @property
    def reached_people(self) -> bool:
        """Whether people noticed anything."""
        right = self.outcome.count(Got.RIGHT)
        return bool(right < len(self.outcome.heard) or self.outcome.surplus or self.late)

    @property
    def absorber(self) -> Means | None:
        """The highest means that was used, if people noticed nothing; None if they did, or nothing had to act."""
        return None if self.reached_people else next(reversed([*self.acted]), None)


@dataclass(frozen=True, slots=True)
class Bill:
    """What a play put on the line."""

    frames: int
    bytes: int

    @classmethod
    def of(cls, trace: Trace) -> "Bill":
        """Count the frames of `trace`."""
        lengths = [len(frame.data) for frame in trace.frames()]
        return cls(len(lengths), sum(lengths))


@dataclass(frozen=True, slots=True)
class Column:
    """What came of a script on one generation: a cell for each fault alone, and one for all of them together."""

    generation: Generation
    cells: tuple[Cell, ...]
    together: Cell
    bill: Bill
    bill_without: Bill


@dataclass(frozen=True, slots=True)
class Comparison:
    """The whole table: a row for each fault, a column for each generation."""

    faults: tuple[Fault, ...]
    columns: tuple[Column, ...]
    seed: int


def compare(
    course: Course,
    faults: Sequence[Fault],
    *,
    seed: int = 1,
    generations: Sequence[Generation] = KNOWN,
    mine: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Comparison:
    """Play everything; `progress` hears how many plays are done, and of how many.

    With `mine` it is the student's own programs that are played, of the labs that are.
    """
    plays = count(1)

    def tick() -> None:
        progress(next(plays), len(generations) * (len(faults) + 2))

    with casting(course, generations, mine=mine) as casts:
        pairs = zip(generations, casts, strict=True)
        columns = tuple(_column(generation, cast, tuple(faults), seed, tick) for generation, cast in pairs)
    return Comparison(tuple(faults), columns, seed)


@contextmanager
def casting(course: Course, generations: Sequence[Generation], *, mine: bool = False) -> Iterator[list[Cast]]:
    """A cast for each generation, all from one process that has imported everything."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="downstack-generations-")))
        base = stack.enter_context(Cast(own=PROGRAMS, given=PROGRAMS, preload=PRELOAD))
        folders = [generation.lay_out(course, folder / generation.name, mine=mine) for generation in generations]
        yield [stack.enter_context(base.another(own)) for own in folders]


def _column(
    generation: Generation, cast: Cast, faults: tuple[Fault, ...], seed: int, tick: Callable[[], None]
) -> Column:
    plain = _play(scene(generation), cast, seed)
    without = people_got(plain)
    if (right := without.count(Got.RIGHT)) < len(ASKED):
        raise ReplayError(f"{generation.title} answers {right} of {len(ASKED)} questions, without any fault")
    tick()
    cells, bill = [], Bill.of(plain)
    for chosen in [*((fault,) for fault in faults), faults]:
        trace = _play(scene(generation, chosen, plain), cast, seed)
        cells.append(_cell(generation, chosen, trace, plain, without))
        bill = Bill.of(trace)
        tick()
    return Column(generation, tuple(cells[:-1]), cells[-1], bill, Bill.of(plain))


def _play(chosen: Scene, cast: Cast, seed: int) -> Trace:
    played = sim.play(chosen, cast, seed=seed)
    if played.overrun:
        raise ReplayError(f"{chosen.name}: {played.overrun}")
    return played.trace


def _cell(generation: Generation, faults: Sequence[Fault], trace: Trace, plain: Trace, without: Outcome) -> Cell:
    got = people_got(trace)
    more = generation.acted(trace)
    more.subtract(generation.acted(plain))
    more["breaker"] = got.at_once(ROUND_TRIP)
    return Cell(
        is_met=any(map(is_hit, trace.frames())) or any(_is_met(fault, trace) for fault in faults),
        outcome=got,
        without=without,
        acted={means: more[means.key] for means in generation.means if more[means.key] > 0},
        ended=next((each.how for each in trace.exits() if each.host == "a" and each.how != "cancelled"), ""),
    )


def people_got(trace: Trace) -> Outcome:
    """What came of the questions that people asked."""
    return outcome(trace, ASKED, every=EVERY, soonest=ROUND_TRIP, host=HOSTS["teams"])


def _is_met(fault: Fault, trace: Trace) -> bool:
    """Whether something was done to a program while the play went on."""
    return isinstance(fault, Stop | Kill) and fault.begin < trace.ended_at


# Scenes ---------------------------------------------------------------------------------------------------------------


def scene(generation: Generation, faults: Sequence[Fault] = (), plain: Trace | None = None) -> Scene:
    """What is played on `generation`. `plain`, its play without faults, tells where in a message the letters are."""
    noise = {NOISE[fault.what]: fault.chance / 100 for fault in faults if isinstance(fault, Noise)}
    return Scene(
        name=f"{generation.name}-generation",
        topology=partial(Line, bare=generation.bare, **noise),
        programs=(*_players(generation, faults), _program(generation, "teams", faults)),
        ports=(Port(host="a", offers=_offers(), enough=len(ASKED)),),
        script=tuple(wired for fault in faults for wired in _on_the_wire(fault, plain)),
        limits=Limits(time=len(ASKED) * EVERY + PATIENCE),
        classify=lambda frame: MESSAGE if generation.is_message(frame) else SIGNAL,
    )


def _offers() -> tuple[Offering, ...]:
    return tuple(Offering(one.question, number * EVERY) for number, one in enumerate(ASKED))


def _program(generation: Generation, name: str, faults: Sequence[Fault]) -> Program:
    host = HOSTS[name]
    pauses = [fault for fault in faults if isinstance(fault, Stop) and fault.program == name]
    return Program(
        host=host,
        file=f"{name}.py",
        arguments=generation.arguments(host),
        pauses=tuple(Pause(each.begin, each.end, ROOM) for each in pauses),
    )


def _players(generation: Generation, faults: Sequence[Fault]) -> Iterator[Program]:
    """*players*, once for each of its lives."""
    first = _program(generation, "players", faults)
    deaths = kills(faults)
    births = [None, *(death.end for death in deaths)]
    for number, born in enumerate(births):
        killed = deaths[number].begin if number < len(deaths) else None
        if number == 0:
            yield replace(first, killed=killed)
        elif born is not None:
            more = {**first.arguments, "program": "players", "begins": born / SECOND}
            yield replace(first, name=f"life-{number + 1}", file="late.py", arguments=more, killed=killed)


def _on_the_wire(fault: Fault, plain: Trace | None) -> Iterator[wire.Fault]:
    """`fault` as the wire knows it; for what is no matter of the wire, nothing."""
    match fault:
        case Cut(begin, end):
            yield wire.Fault("cut", "a-b", wire.ANY_KIND, begin, end)
        case Messages("flip", sender, first, last):
            for number in range(first, last + 1):
                bit = _first_letter(plain, DIRECTIONS[sender], number)
                yield wire.Fault("flip", DIRECTIONS[sender], MESSAGE, number, number, bit)
        case Messages(action, sender, first, last, hold):
            yield wire.Fault(action, DIRECTIONS[sender], MESSAGE, first, last, hold)


def _first_letter(plain: Trace | None, direction: str, number: int) -> int:
    """The last bit of the first letter that the message says of the application's; of the frame if it says none."""
    messages = [] if plain is None else list(plain.frames(direction, MESSAGE))
    data = messages[number - 1].data if number <= len(messages) else b""
    said = _teams() if direction == DIRECTIONS["teams"] else [names[0] for names in business.CARDS.values() if names]
    place = max((data.rfind(name.encode()) for name in said), default=-1)
    return 8 * (place if place >= 0 else max(0, len(data) - 1)) + 7


def _teams() -> list[str]:
    return [business.team_asked_about(one.question) for one in ASKED]
