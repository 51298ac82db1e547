"""Lab 7's questions: who works for nobody, what storms are made of, what jitter spares; and defects to choose from."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from typing import Any

from labs.lab07_breaker.evidence import calls, crowd_calls, pages, peak, reports
from labs.lab07_breaker.scenes import DOWN, FOREVER, TIERS, at, crowd, row
from labs.questions import Play, Question
from labs.story.trace import Trace
from labs.testbed.scene import Scene
from mesh.policies.deadline import parse_timeout
from netstack.wire import SECOND

# Step 1: deadlines ----------------------------------------------------------------------------------------------------

ASKED = 1.0
"""When people ask, in seconds."""

NETWORK = 60
"""Milliseconds by which an answer may be off: what the network takes, and a pause before a retry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """How long each works before it asks the next one, and who waits for how long. Milliseconds."""

    teams: int
    players: int
    cards: int
    patience: int
    timeout: int

    def scene(self, name: str, *, seconds: float = 9, **teams: Any) -> Scene:
        """People ask *site*; `teams` is what *teams* is told besides."""
        works: dict[str, Any] = {host: {"work": getattr(self, host) / 1000} for host in TIERS[1:]}
        works["teams"] |= teams
        each = {"travels": teams.pop("travels", True)}
        site = {"patience": self.patience / 1000}
        return row(at(ASKED), name=f"prediction-{name}", each=each, site=site, watched=True, seconds=seconds, **works)


def work(key: str) -> Work:
    """What the student with `key` is asked about."""
    source = random.Random(f"step 1 {key}")
    teams, players = source.choice((200, 300, 400)), source.choice((200, 300))
    timeout = players + source.choice((200, 300, 400))
    latest = teams + 2 * timeout
    patience = teams + players + source.choice(range(800, 1400, 100))
    if patience == latest:
        patience += 100
    return Work(
        teams=teams,
        players=players,
        cards=patience - teams - players + source.choice((300, 500, 700)),
        patience=patience,
        timeout=timeout,
    )


def predict_1(key: str, play: Play) -> list[Question]:
    """Whoever gives up, when; and who goes on for nobody."""
    own = work(key)
    travels, stays, hasty, twice = (
        cache(partial(play, scene))
        for scene in (
            own.scene("travels"),
            own.scene("stays", travels=False),
            own.scene("hasty", timeout=own.timeout / 1000),
            own.scene("twice", timeout=own.timeout / 1000, tries=2),
        )
    )
    return [*_about_travelling(own, travels, stays), *_about_tries(own, hasty, twice)]


def _since(trace: Trace, host: str, port: str = "work") -> float:
    """Milliseconds from the question until `host` last said something at its port."""
    return trace.at_port("delivered", host, port)[-1].at / SECOND * 1000 - 1000 * ASKED


def _left(trace: Trace) -> float:
    """Milliseconds that the first call to *cards* says are left."""
    return 1000 * parse_timeout(calls(trace, "players-cards")[0].timeout)


def _about_travelling(own: Work, travels: Callable[[], Trace], stays: Callable[[], Trace]) -> list[Question]:
    return [
        Question(
            "q1",
            f"People are patient for {own.patience} ms, and *site* gives up then. *teams* works for {own.teams} ms "
            f"before it asks *players*, *players* for {own.players} ms before it asks *cards*, and *cards* for "
            f"{own.cards} ms before it answers. The deadline travels. How many milliseconds are left, as the call to "
            "*cards* says?",
            lambda: _left(travels()),
            tolerance=NETWORK,
            why="what people have, less what was spent on the way",
        ),
        Question(
            "q2",
            "How many milliseconds after the question does *cards* stop working?",
            lambda: _since(travels(), "cards"),
            tolerance=NETWORK,
            why="nobody waits any longer, and it knows",
        ),
        Question(
            "q3",
            "Now the deadline does not travel: no call says how much time is left. How many milliseconds after the "
            "question does *cards* stop?",
            lambda: _since(stays(), "cards"),
            tolerance=NETWORK,
            why="it is done when it is done. That people have left is known at *site* alone",
        ),
        Question(
            "q4",
            "*teams*, *players* and *cards* are each busy with this question until its own call is over. For how many "
            "milliseconds, all three added up, are they busy with it after people have left?",
            lambda: sum(_since(stays(), host) - own.patience for host in TIERS[1:]),
            tolerance=3 * NETWORK,
            why="each holds a connection, a task and memory for nobody, and all for as long as the slowest",
        ),
    ]


def _about_tries(own: Work, hasty: Callable[[], Trace], twice: Callable[[], Trace]) -> list[Question]:
    return [
        Question(
            "q5",
            f"The deadline travels again. *teams* now gives each of its calls {own.timeout} ms. How many milliseconds "
            "are left, as the call to *cards* says?",
            lambda: _left(hasty()),
            tolerance=NETWORK,
            why="the earlier of two deadlines holds, and *teams*' is earlier",
        ),
        Question(
            "q6",
            "How many milliseconds after the question do people hear that it was of no use?",
            lambda: _since(hasty(), "site", "app"),
            tolerance=NETWORK,
            why="as soon as *teams* has given up: it says so, and nobody tries again",
        ),
        Question(
            "q7",
            f"*teams* tries twice, {own.timeout} ms each. How many milliseconds after the question does *cards* stop "
            "for the last time?",
            lambda: _since(twice(), "cards"),
            tolerance=NETWORK,
            why="a second try does not get more time than people have",
        ),
    ]


# Step 2: the storm ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """How often each tier tries, how many people ask, and how many calls *cards* fails in the last question."""

    tries: tuple[int, int, int]
    people: int
    fails: int

    def scene(self, name: str, tries: tuple[int, ...], cards: dict[str, Any], *, people: int = 1) -> Scene:
        """So many people ask, one a second."""
        told: dict[str, Any] = {host: {"tries": count} for host, count in zip(TIERS, tries, strict=False)}
        times = at(*(1.0 + n for n in range(people)))
        return row(times, name=f"prediction-{name}", each={}, cards=cards, seconds=10 + 2 * people, **told)


def storm(key: str) -> Storm:
    """What the student with `key` is asked about."""
    source = random.Random(f"step 2 {key}")
    tries = (source.randint(2, 4), source.randint(2, 4), source.randint(2, 4))
    whole = tries[1] * tries[2]
    return Storm(tries=tries, people=source.randint(2, 5), fails=source.randint(whole + 1, tries[0] * whole - 1))


def predict_2(key: str, play: Play) -> list[Question]:
    """Tries upon tries."""
    own = storm(key)
    first, second, third = own.tries
    bad: dict[str, Any] = {"ill": [[0, FOREVER, "bad"]]}
    all_try, one_tries, bad_ones, some_fail = (
        cache(partial(play, scene))
        for scene in (
            own.scene("storm", own.tries, DOWN, people=own.people),
            own.scene("one-tries", (first, 1, 1), DOWN),
            own.scene("bad", own.tries, bad),
            own.scene("mended", own.tries, {"fails": own.fails}),
        )
    )

    def seen(trace: Trace) -> list[int]:
        return [len(calls(trace, f"{one}-{other}")) for one, other in pairwise(TIERS)]

    return [
        Question(
            "q1",
            f"*cards* is down. *site* makes each call up to {first} times, *teams* {second} times, *players* {third} "
            "times. Somebody asks one thing. How many calls reach *cards*?",
            lambda: seen(all_try())[-1] // own.people,
            why="what fails at one tier is one failed call for the tier before it, which tries again",
        ),
        Question(
            "q2",
            f"{own.people} people ask. How many calls are made in all, on the three wires together?",
            lambda: sum(seen(all_try())),
            why="the last wire carries most of them",
        ),
        Question(
            "q3",
            "Somebody decides that *site* alone may try again. How many calls reach *cards* of one question?",
            lambda: seen(one_tries())[-1],
            why="tries of one tier add; tries of several multiply",
        ),
        Question(
            "q4",
            "All try again as before, but *cards* is well, and calls the question a bad one. How many calls reach it?",
            lambda: seen(bad_ones())[-1],
            why="the same question would be as bad a second time, and nobody asks it",
        ),
        Question(
            "q5",
            f"*cards* fails the first {own.fails} calls that reach it, and then it is well. Somebody asks one thing. "
            "How many calls reach *cards*?",
            lambda: seen(some_fail())[-1],
            why="one more: whoever gets an answer does not ask again, and neither does anybody before him",
        ),
        Question(
            "q6",
            "And how many calls does *site* make for that?",
            lambda: seen(some_fail())[0],
            why=f"each of its calls stands for up to {second * third} at *cards*",
        ),
    ]


# Step 7: jitter -------------------------------------------------------------------------------------------------------

MANY = 2
"""Programs of clients in a prediction: two hundred breakers are as good as a thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """A crowd whose breakers open: `clients` a program. Times are seconds."""

    clients: int
    requests: int
    sleep: float
    jitter: int

    @property
    def many(self) -> int:
        """All of them."""
        return MANY * self.clients

    @property
    def opened(self) -> float:
        """When the first breaker opens: with the answer to a client's last call of those that it takes."""
        return self.requests - 0.5

    def scene(self, jitter: float) -> Scene:
        """*players* is well again when the first probe goes out."""
        return crowd(
            name=f"prediction-{'jitter' if jitter else 'fall'}",
            programs=MANY,
            clients=self.clients,
            requests=self.requests,
            sleep=self.sleep,
            jitter=jitter,
            well_from=self.opened + 2,
            seconds=80,
        )


def fall(key: str) -> Fall:
    """What the student with `key` is asked about."""
    source = random.Random(f"step 7 {key}")
    return Fall(
        clients=source.choice((60, 80, 100)),
        requests=source.randint(4, 7),
        sleep=source.randint(4, 6) + 0.5,
        jitter=source.randint(5, 10),
    )


def predict_7(key: str, play: Play) -> list[Question]:
    """What jitter spreads, and what it cannot."""
    own = fall(key)
    plain, spread = (cache(partial(play, own.scene(jitter))) for jitter in (0, own.jitter))
    after = own.opened + 1.5

    def opened(trace: Trace) -> int:
        times = [when for when, state in reports(trace) if state == "open"]
        return sum(when < times[0] + 1 for when in times)

    def most(trace: Trace, begin: float, end: float) -> int:
        return peak(crowd_calls(trace), begin=begin, end=end)

    return [
        Question(
            "q1",
            f"{own.many} clients call *players* once a second, a quarter of them at each quarter of a second, for the "
            f"first time at 0.5 s. It is down. A breaker opens after {own.requests} failed calls. Without jitter: how "
            "many breakers open within a second of the first?",
            lambda: opened(plain()),
            why="all have seen the same",
        ),
        Question(
            "q2",
            f"They sleep for {own.sleep} s. At which time, in seconds, does the first probe go out?",
            lambda: min(when for when, _ in crowd_calls(plain()) if when > after),
            tolerance=0.1,
            why="it is the first call after the sleep that finds out, and not the end of the sleep itself",
        ),
        Question(
            "q3",
            "How many probes go out in the worst quarter of a second?",
            lambda: most(plain(), after, 99),
            why="they fell together, they slept together, they come back together",
        ),
        Question(
            "q4",
            f"Now each sleep is longer by 0 to {own.jitter} s, drawn evenly. About how many probes go out in the worst "
            "quarter of a second? (Half as many, or half as many again, is near enough.)",
            lambda: most(spread(), after, 99),
            tolerance=_near(own),
            why=f"{own.many} probes over {own.jitter} s; chance makes some quarters worse than others",
        ),
        Question(
            "q5",
            "With jitter, how many breakers open within a second of the first?",
            lambda: opened(spread()),
            why="nobody had slept before they fell: jitter spares the recovery, and not the fall",
        ),
        Question(
            "q6",
            "With jitter, how many messages does whoever is on call get in all, with a right `alerts.py`?",
            lambda: len(pages(spread())),
            why="one that names *players*, and one when the last circuit has closed",
        ),
    ]


def _near(own: Fall) -> float:
    """Half of what may be expected of the worst quarter: the mean, and what chance adds (about two deviations)."""
    mean = own.many / own.jitter / 4
    return (mean + 2 * mean**0.5) / 2


# Step 8: what is wrong with this one? ---------------------------------------------------------------------------------

DEFECTS = {
    "everybody-probes": "half open, it lets everybody through, and not one",
    "retries-unpaid": "the budget counts requests, but not what was spent on retries",
    "counts-bad-requests": "the breaker counts questions that were called bad among the failures",
    "keeps-its-counts": "when the circuit closes, what was counted before still counts",
    "sleeps-once": "the sleep after a failed probe is counted from when the circuit first opened",
    "opens-too-late": "the breaker opens when more than half have failed, and not at half",
    "no-reserve": "the budget has no reserve",
    "never-probes": "once open, the circuit stays open",
}
