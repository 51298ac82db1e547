"""Questions about a row of services: who works for nobody when people have left, and what tries upon tries come to."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from typing import Any

from labs.lab07_breaker.evidence import calls
from labs.lab07_breaker.scenes import DOWN, FOREVER, TIERS, at, row
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
    first, *_ = own.tries
    bad: dict[str, Any] = {"ill": [[0, FOREVER, "bad"]]}
    all_try, one_tries, bad_ones, some_fail = (
        cache(partial(_on_each_wire, play, scene))
        for scene in (
            own.scene("storm", own.tries, DOWN, people=own.people),
            own.scene("one-tries", (first, 1, 1), DOWN),
            own.scene("bad", own.tries, bad),
            own.scene("mended", own.tries, {"fails": own.fails}),
        )
    )
    return [*_about_a_storm(own, all_try), *_about_trying_less(own, one_tries, bad_ones, some_fail)]


def _on_each_wire(play: Play, scene: Scene) -> list[int]:
    trace = play(scene)
    return [len(calls(trace, f"{one}-{other}")) for one, other in pairwise(TIERS)]


def _about_a_storm(own: Storm, seen: Callable[[], list[int]]) -> list[Question]:
    first, second, third = own.tries
    return [
        Question(
            "q1",
            f"*cards* is down. *site* makes each call up to {first} times, *teams* {second} times, *players* {third} "
            "times. Somebody asks one thing. How many calls reach *cards*?",
            lambda: seen()[-1] // own.people,
            why="what fails at one tier is one failed call for the tier before it, which tries again",
        ),
        Question(
            "q2",
            f"{own.people} people ask. How many calls are made in all, on the three wires together?",
            lambda: sum(seen()),
            why="the last wire carries most of them",
        ),
    ]


def _about_trying_less(
    own: Storm,
    one_tries: Callable[[], list[int]],
    bad_ones: Callable[[], list[int]],
    some_fail: Callable[[], list[int]],
) -> list[Question]:
    return [
        Question(
            "q3",
            "Somebody decides that *site* alone may try again. How many calls reach *cards* of one question?",
            lambda: one_tries()[-1],
            why="tries of one tier add; tries of several multiply",
        ),
        Question(
            "q4",
            "All try again as before, but *cards* is well, and calls the question a bad one. How many calls reach it?",
            lambda: bad_ones()[-1],
            why="the same question would be as bad a second time, and nobody asks it",
        ),
        Question(
            "q5",
            f"*cards* fails the first {own.fails} calls that reach it, and then it is well. Somebody asks one thing. "
            "How many calls reach *cards*?",
            lambda: some_fail()[-1],
            why="one more: whoever gets an answer does not ask again, and neither does anybody before him",
        ),
        Question(
            "q6",
            "And how many calls does *site* make for that?",
            lambda: some_fail()[0],
            why=f"each of its calls stands for up to {own.tries[1] * own.tries[2]} at *cards*",
        ),
    ]
