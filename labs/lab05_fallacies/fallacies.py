"""The eight fallacies of distributed computing, a scene each, and the number that each scene shows.

A scene differs from a calm day in the house in one thing, which is its fallacy. All numbers are drawn from a source
that is handed in, and found again in the trace, from which a student finds them too.

The fallacies are Peter Deutsch's, of 1994, and the last one James Gosling's.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from labs.lab04_stack.evidence import segments
from labs.lab04_stack.peers import LENGTH
from labs.lab05_fallacies.house import (
    A_LITTLE,
    NAMES,
    PORT,
    TEAMS,
    Call,
    Caller,
    Question,
    calm,
    lineups,
    log,
    rule,
    told_by,
)
from labs.story.trace import Trace
from labs.testbed.scene import Scene

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
    every, first = source.randint(34, 44) / 1000, source.randint(1, 400)
    day.teams = Caller(plan=lineups([(0.5 + n * every, first + n) for n in range(70)], source), each=True, patience=0.5)
    day.links = {"b": {"delay": f"{source.randint(50, 80)}ms"}}
    cuts = sorted(source.sample((9, 17, 25), source.randint(2, 3)))
    day.script += tuple(
        f"cut a-m:{at * 100 + source.randrange(60)}ms-{at * 100 + source.randint(500, 640)}ms" for at in cuts
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
    day.photo = source.randint(50, 90) * 100
    plan: list[Question] = []
    for at in (0.5, 3.0):
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
    day.moves = source.randint(10, 20) / 10 + 0.04
    learns = day.moves + source.randint(6, 20) / 10
    every, first = source.choice((0.07, 0.09, 0.11)), source.randint(1, 400)
    count = int(4 / every)
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
            rule(0, "nobody asks for `shirt`", "refuses", port=PORT, holds='"method":"shirt"'),
            rule(0, "no long packets", "refuses", port=PORT, longer=source.randint(300, 700)),
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
    count = int(1.6 / every)
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
    """One line carries shorter frames than those that *players* sends to a: where they leave b, or where they come."""
    day = calm(source)
    day.longest[source.choice("ab")] = source.randint(420, 980)
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
    """One of the eight, in the words in which it is usually told; what makes a scene of it, and what its number is.

    `hint` is for whoever has found the fallacy and not the number.
    """

    words: str
    make: Make
    number: str
    hint: str


FALLACIES = {
    "reliable": Fallacy(
        "The network is reliable.",
        reliable,
        "how many calls of *teams* *players* carried out although *teams* never heard an answer",
        "Take the lines of teams' log with `no answer`, and look up the day of each in players' log: count those that "
        "were served.",
    ),
    "latency": Fallacy(
        "Latency is zero.",
        latency,
        "of how many calls, one after another, the longest question of *teams* is made",
        "A question is a lineup and then a shirt for each player: count both, up to the line that says that it is "
        "answered, in the question that took most ms.",
    ),
    "bandwidth": Fallacy(
        "Bandwidth is infinite.",
        bandwidth,
        "the queue: of the photos asked for at once, by how many ms the last came later than the first, at most",
        "Take the times of the photos of one question, as teams' log has them: the last one's less the first one's; "
        "and of all questions that for which it is most.",
    ),
    "secure": Fallacy(
        "The network is secure.",
        secure,
        "the day of the lineup that *players* never said so",
        "Put each lineup that teams heard beside what players' log says it served on that day: one differs, by a name.",
    ),
    "topology": Fallacy(
        "Topology does not change.",
        topology,
        "how many calls *teams* made to where *players* no longer was",
        "Count the lines of teams' log that end with `refused`, and no others.",
    ),
    "administrator": Fallacy(
        "There is one administrator.",
        administrator,
        "the number of the rule that the other one does not know of",
        "A rule may refuse and do no harm, as on the calm day. Whose packets are they? Those of teams are 10.0.0.1's.",
    ),
    "cost": Fallacy(
        "Transport cost is zero.",
        cost,
        "how many bytes line a carried, by the bill, for each byte that *teams* and *scores* asked or were answered",
        "The bytes of the bill's line `line a, in all`, divided by the sum of four: asked and answered, in the last "
        "lines of teams' log and of scores'.",
    ),
    "homogeneous": Fallacy(
        "The network is homogeneous.",
        homogeneous,
        "of two byte orders: how many bytes the length really meant; of two MTUs: the lesser one",
        "Where players complains of a length: write it in hexadecimal, and read its four bytes from the other end. "
        "Where m:lines tells of a frame that does not fit: how much does that line take?",
    ),
}
"""The eight, by the names that answers use."""


TEAMS_HOST = r"10\.0\.0\.1"

# The numbers ---------------------------------------------------------------------------------------------------------


def _carried_out_and_not_answered(trace: Trace) -> float:
    """How many calls of *teams* *players* carried out although *teams* heard no answer."""
    served = {found[1] for found in told_by(trace, "b", "players", r"served (lineup .*): .*")}
    return sum(found[1] in served for found in told_by(trace, "a", "teams", r"(.*): no answer .*"))


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
    said = {found[1]: found[2] for found in told_by(trace, "b", "players", r"served lineup (.*): (.*)")}
    heard = told_by(trace, "a", "teams", r"lineup (.*): (.*); .*")
    (forged,) = (found[1] for found in heard if said.get(found[1]) != found[2])
    return int(forged.split()[-1])


def _refused(trace: Trace) -> float:
    """How many calls of *teams* went to where *players* no longer was."""
    return len(told_by(trace, "a", "teams", r".*: refused"))


def _rule_that_refused(trace: Trace) -> float:
    """The number of the rule that refused packets of *teams*: another one refuses what nobody misses."""
    rules = {found[1] for found in told_by(trace, "m", "policy", rf".*, rule (\d+), .*: refuses .*{TEAMS_HOST}:.*")}
    (number,) = rules
    return int(number)


def _bytes_per_byte(trace: Trace) -> float:
    """Bytes that the line to a carried, by the bill, for each byte that the two asked or were answered."""
    (carried,) = told_by(trace, "m", "bill", r"line a, in all: .*, (\d+) bytes, .*")
    asked = r"in all .*, (\d+) bytes asked, (\d+) bytes answered"
    used = [*told_by(trace, "a", "teams", asked), *told_by(trace, "c", "scores", asked)]
    return int(carried[1]) / sum(int(found[1]) + int(found[2]) for found in used)


def _length_that_was_meant(trace: Trace) -> float:
    """How many bytes the first message had that *players* could not understand."""
    sent = [one.tcp.payload for one in segments(trace, "c-m") if one.tcp.payload]
    return len(sent[0]) - LENGTH


def _longest_that_fits(trace: Trace) -> float:
    """The longest frame that is carried by the line which threw frames away."""
    (line,) = {found[1] for found in told_by(trace, "m", "lines", r"line (\w): a frame of .*")}
    (found,) = told_by(trace, "m", "lines", rf"line {line}: frames of up to (\d+) bytes")
    return int(found[1])
