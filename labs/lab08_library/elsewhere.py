"""Step 3's questions: one role of the stack stands elsewhere, or is gone, and everything else is as it was."""

import random
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from labs.lab06_discovery.scenes import people
from labs.lab08_library.evidence import counted, counts, heard, waits
from labs.lab08_library.scenes import PLAYERS, WELL, ill, listed
from labs.questions import Play, Question
from labs.testbed.scene import Scene
from netstack.wire import MILLISECOND, SECOND

ALL_DOWN = dict.fromkeys(PLAYERS, ill("down"))
ALL_HANG = dict.fromkeys(PLAYERS, ill("hangs"))
ONE_DOWN = {"p1": ill("down"), "p2": WELL, "p3": WELL}
ONE_HANGS = {"p1": ill("hangs"), "p2": WELL, "p3": WELL}
RICH: dict[str, Any] = {"breaker": {"requests": 1000}}
"""Nothing opens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """What the student with a key is asked about. `timeout` is in seconds."""

    requests: int
    tries: int
    few: int
    many: int
    timeout: float

    @property
    def rounds(self) -> int:
        """A number of people that three instances can share evenly."""
        return 3 * self.tries + self.few // 3 * 3

    def scene(self, name: str, players: dict[str, Any], count: int, changes: list[list[str]], **terms: Any) -> Scene:
        """Instances in turn, `count` questions: one each 100 ms if one is down, else so that none meets another."""
        quick = sum("down" in str(each) for each in players.values()) == 1
        every = (100 if quick else 500) * MILLISECOND
        seconds = 2 + count * every / SECOND + 3
        settings = {"timeout": self.timeout, "tries": self.tries} | terms.pop("settings", {})
        return listed(
            f"prediction-{name}",
            players,
            people(count, every=every, begin=SECOND),
            seconds=seconds,
            counted=seconds - 0.5,
            balancer="in turn",
            changes=changes,
            settings=settings,
            **terms,
        )


def elsewhere(key: str) -> Elsewhere:
    """What the student with `key` is asked about."""
    source = random.Random(f"step 3 {key}")
    return Elsewhere(
        requests=source.choice((7, 8, 10, 11)),
        tries=source.choice((2, 3)),
        few=source.randint(14, 20),
        many=2 * source.randint(9, 14),
        timeout=source.choice((0.2, 0.25, 0.3)),
    )


def predict_3(key: str, play: Play) -> list[Question]:
    """One role elsewhere, or gone, and everything else as it was."""
    own = elsewhere(key)
    return [*_about_retries(own, play), *_about_time(own, play), *_about_counting(own, play)]


def _about_retries(own: Elsewhere, play: Play) -> list[Question]:
    below, breaker = [["retries", "below"]], {"requests": own.requests, "sleep": 60.0}
    tripped, missed = (
        cache(partial(play, scene))
        for scene in (
            own.scene("tripped", ALL_DOWN, own.requests + 6, below, breaker=breaker),
            own.scene("missed", ONE_DOWN, own.few, below, **RICH),
        )
    )
    return [
        Question(
            "q1",
            f"All three instances are down, and say so. The breaker opens when {own.requests} calls have failed, and "
            f"each question is tried up to {own.tries} times. The *retries* stand just below the balancer. How many "
            "calls reach the instances, all together, until the circuit opens?",
            lambda: sum(counted(tripped(), PLAYERS).values()),
            why="above the retries the breaker sees questions, and each is so many calls: it opens too late",
        ),
        Question(
            "q2",
            f"p1 is down, and says so; p2 and p3 are well. {own.few} people ask, one each 100 ms, each up to "
            f"{own.tries} times; nothing opens. The *retries* stand just below the balancer. How many people hear an "
            "apology?",
            lambda: heard(missed())[1],
            why="a retry meets the same instance again. That it ends at all is due to accrual, which has seen five "
            "failures in a row",
        ),
    ]


def _about_time(own: Elsewhere, play: Play) -> list[Question]:
    unseen, untimed = (
        cache(partial(play, scene))
        for scene in (
            own.scene("unseen", ONE_HANGS, own.many, [["accrual", "bottom"]], **RICH),
            own.scene("untimed", ONE_HANGS, own.rounds, [["timeout"]], settings={"deadline": 0.4}, **RICH),
        )
    )
    return [
        Question(
            "q3",
            f"p1 hangs; p2 and p3 are well. {own.many} people ask, one each half second; a try may take "
            f"{own.timeout} s. *accrual* stands below the timeout, next to the instance. How many calls does p1 get?",
            lambda: counted(unseen(), PLAYERS)["p1"],
            why="below the timeout a try that takes too long is cancelled, and says nothing about anybody. Mind that a "
            "retry takes its turn like any other call",
        ),
        Question(
            "q4",
            f"p1 hangs; p2 and p3 are well. {own.rounds} people ask, one each half second. There is no *timeout* in "
            "the stack, and the deadline is 0.4 s. How many people hear an apology?",
            lambda: heard(untimed())[1],
            why="the caller's patience is over with the first try, so there is none left for a second; and nobody "
            "learns from it",
        ),
    ]


def _about_counting(own: Elsewhere, play: Play) -> list[Question]:
    tries, endless = (
        cache(partial(play, scene))
        for scene in (
            own.scene("tries", ONE_DOWN, own.few, [["statistics", "above"]], **RICH),
            own.scene("endless", ALL_HANG, 1, [["deadline"]], settings={"deadline": 0.1}),
        )
    )
    return [
        Question(
            "q5",
            f"p1 is down, and says so; p2 and p3 are well. {own.few} people ask, one each 100 ms. The *statistics* "
            "stand just above the balancer. How many requests do they count?",
            lambda: counts(tries())["requests"],
            why="there they see each try: whoever reads them believes that more is asked, and more fails, than people "
            "notice",
        ),
        Question(
            "q6",
            f"All three hang. There is no *deadline* in the stack; a try may take {own.timeout} s, and there are up to "
            f"{own.tries}. After how many seconds does somebody who asks hear an apology?",
            lambda: round(next(iter(waits(endless()).values())), 2),
            tolerance=0.15,
            why="as many timeouts as there are tries, and the pauses in between",
        ),
    ]
