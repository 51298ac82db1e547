"""Lab 7's questions: on rows of services, on jitter, on bulkheads; and the defects to choose from."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from labs.lab07_breaker.evidence import calls, crowd_calls, pages, peak, reports
from labs.lab07_breaker.rows import ASKED, NETWORK, predict_1, predict_2
from labs.lab07_breaker.scenes import FOREVER, HANGING, at, crowd, pair
from labs.questions import Play, Question
from labs.story.trace import Trace
from labs.testbed.scene import Scene
from netstack.wire import SECOND

__all__ = ["DEFECTS", "predict_1", "predict_2", "predict_7", "predict_10"]

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
    return [*_about_falling(own, plain), *_about_jitter(own, spread)]


def _opened_together(trace: Trace) -> int:
    """How many breakers opened within a second of the first."""
    times = [when for when, state in reports(trace) if state == "open"]
    return sum(when < times[0] + 1 for when in times)


def _probes(own: Fall, trace: Trace) -> list[tuple[float, int]]:
    """When calls went out after all had opened (s), and how many at once."""
    return [(when, count) for when, count in crowd_calls(trace) if when > own.opened + 1.5]


def _worst(own: Fall, trace: Trace) -> int:
    return peak(iter(_probes(own, trace)), begin=own.opened + 1.5, end=FOREVER)


def _about_falling(own: Fall, plain: Callable[[], Trace]) -> list[Question]:
    return [
        Question(
            "q1",
            f"{own.many} clients call *players* once a second, a quarter of them at each quarter of a second, for the "
            f"first time at 0.5 s. It is down. A breaker opens after {own.requests} failed calls. Without jitter: how "
            "many breakers open within a second of the first?",
            lambda: _opened_together(plain()),
            why="all have seen the same",
        ),
        Question(
            "q2",
            f"They sleep for {own.sleep} s. At which time, in seconds, does the first probe go out?",
            lambda: _probes(own, plain())[0][0],
            tolerance=0.1,
            why="it is the first call after the sleep that finds out, and not the end of the sleep itself",
        ),
        Question(
            "q3",
            "How many probes go out in the worst quarter of a second?",
            lambda: _worst(own, plain()),
            why="they fell together, they slept together, they come back together",
        ),
    ]


def _about_jitter(own: Fall, spread: Callable[[], Trace]) -> list[Question]:
    return [
        Question(
            "q4",
            f"Now each sleep is longer by 0 to {own.jitter} s, drawn evenly. How many probes go out in the worst "
            f"quarter of a second? (That is the fullest of all {4 * own.jitter} quarters, and not the mean. Up to "
            f"{_near(own)} more or fewer are near enough.)",
            lambda: _worst(own, spread()),
            tolerance=_near(own),
            why=f"{own.many} probes over {own.jitter} s are {own.many / own.jitter / 4:.1f} in a quarter on average; "
            "chance makes the fullest fuller, by about two roots of that",
        ),
        Question(
            "q5",
            "With jitter, how many breakers open within a second of the first?",
            lambda: _opened_together(spread()),
            why="nobody had slept before they fell: jitter spares the recovery, and not the fall",
        ),
        Question(
            "q6",
            "With jitter, how many messages does whoever is on call get in all, with a right `alerts.py`?",
            lambda: len(pages(spread())),
            why="one that names *players*, and one when the last circuit has closed",
        ),
    ]


def _near(own: Fall) -> int:
    """Two deviations: whoever adds that to the mean is near enough 29 times of 30, and who takes the mean seldom."""
    return round(2 * (own.many / own.jitter / 4) ** 0.5)


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


# Step 10: bulkheads ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """*players* hangs. Somebody asks each `every` ms, a call may take `timeout` ms, and `most` may be under way."""

    every: int
    timeout: int
    most: int
    people: int

    def scene(self, name: str, **teams: Any) -> Scene:
        """What *teams* is told besides its timeout stands in `teams`."""
        times = at(*(ASKED + n * self.every / 1000 for n in range(self.people)))
        told = {"timeout": self.timeout / 1000, **teams}
        return pair(times, name=f"prediction-{name}", teams=told, players=HANGING)


def hold(key: str) -> Hold:
    """What the student with `key` is asked about."""
    source = random.Random(f"step 10 {key}")
    every, most = source.choice((50, 100, 200)), source.randint(3, 6)
    fit = source.randint(9, 14)
    return Hold(every=every, timeout=every * fit + every // 2, most=most, people=3 * fit)


def predict_10(key: str, play: Play) -> list[Question]:
    """What somebody who hangs takes from somebody who does not."""
    own = hold(key)
    free, walled, queued = (
        cache(partial(play, scene))
        for scene in (
            own.scene("free"),
            own.scene("walled", bulkhead={"most": own.most}),
            own.scene("queued", bulkhead={"most": own.most, "waiting": 1}),
        )
    )

    return [
        Question(
            "q1",
            f"*players* hangs: it takes calls, and never answers. Somebody asks *teams* each {own.every} ms, and each "
            f"call may take {own.timeout} ms. How many calls are under way at a time, in the long run?",
            lambda: _under_way(free(), own),
            tolerance=1,
            why="as many as come while one of them lasts; each is a task, a connection, and memory of *teams*",
        ),
        Question(
            "q2",
            f"A bulkhead lets {own.most} calls be under way at a time, and refuses the others at once. How many calls "
            "are under way at a time?",
            lambda: _under_way(walled(), own),
            why="that is all that *players* can take from *teams*, however ill it is",
        ),
        Question(
            "q3",
            f"How many of the people who ask in the first {own.timeout} ms are told something within that time?",
            lambda: _told_at_once(walled(), own),
            tolerance=1,
            why="all but those whose calls are under way: they hear at once that it is of no use",
        ),
        Question(
            "q4",
            "Now one call more may wait until there is room. After how many milliseconds is the person told something "
            "whose call was the first to wait?",
            lambda: _waited(queued(), own),
            tolerance=NETWORK,
            why="first for room, until the first call has run out of time, and then for as long as any other. A queue "
            "before somebody who hangs is a longer way to the same answer",
        ),
    ]


def _under_way(trace: Trace, own: Hold) -> int:
    """The most calls that were made within one timeout, none of which is answered before its end."""
    times = [each.at for each in calls(trace, "teams-players")]
    return max(sum(0 <= when - begin < own.timeout / 1000 for when in times) for begin in times)


def _told_at_once(trace: Trace, own: Hold) -> int:
    end = ASKED + own.timeout / 1000
    return sum(each.at / SECOND < end for each in trace.at_port("delivered", "teams"))


def _waited(trace: Trace, own: Hold) -> float:
    """From the question of the first that waited to when its own call ran out of time. Milliseconds."""
    call = calls(trace, "teams-players")[own.most]
    return 1000 * (call.at - ASKED) - own.most * own.every + own.timeout
