"""Lab 3's questions, each student's with a clerk and a desk of their own, and the defects to choose from."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial

from labs.lab03_flow.scenes import blast, cards
from labs.questions import Play, Question
from labs.story.trace import Trace
from labs.testbed.scene import Reader, Scene
from netstack.wire import MILLISECOND


def predict_1(key: str, play: Play) -> list[Question]:
    """A blast at a clerk with a small desk; then a pace that he can keep up with, until he has lunch."""
    first, second = desks(key)
    traces: dict[str, Callable[[], Trace]] = {
        each.name: cache(partial(play, each.scene(key))) for each in (first, second)
    }

    def lost(scene: Desk) -> list[int]:
        """The numbers of the cards, from 0, for which there was no room."""
        arrived = {event.payload for event in traces[scene.name]().at_port("delivered", "b")}
        offered = traces[scene.name]().at_port("offered", "a")
        return [number for number, event in enumerate(offered) if event.payload not in arrived]

    tie = "What he takes at the very moment at which a card comes has made room for it."
    return [
        Question(
            "q1",
            f"{first.told()} {tie} How many cards does the clerk get to read?",
            lambda: first.count - len(lost(first)),
            why="those that lay on the desk when the last one came, and those that he had taken until then",
        ),
        Question(
            "q2",
            "Cards are counted from 0. Which is the first card for which there is no room?",
            lambda: lost(first)[0],
            why="until then the desk fills by the difference of two speeds",
        ),
        Question(
            "q3",
            f"{second.told()} Which is now the first card for which there is no room?",
            lambda: lost(second)[0],
            why="the pace was right until noon; from then on the desk fills by a card each interval",
        ),
        Question(
            "q4",
            "And how many cards are lost in all with that pace?",
            lambda: len(lost(second)),
            why="all that come while the desk is full. A pace is a guess about somebody else's day",
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A clerk, his desk, and how cards come. Times are milliseconds; `interval` is 0 for a blast."""

    count: int
    room: int
    every: float
    interval: int = 0
    lunch: tuple[int, int] = (0, 0)

    @property
    def name(self) -> str:
        return "paced" if self.interval else "blast"

    def scene(self, key: str) -> Scene:
        begin, end = self.lunch
        pauses = ((begin * MILLISECOND, end * MILLISECOND),) if end else ()
        reader = Reader(every=round(self.every * MILLISECOND), pauses=pauses)
        scene = blast(
            cards(self.count, random.Random(f"cards {key}")), room=self.room, reader=reader, every=self.interval / 1000
        )
        return replace(scene, name=f"prediction-{self.name}")

    def told(self) -> str:
        sent = (
            f"one each {self.interval} ms, the first at 0 s" if self.interval else "all at 0 s, as fast as the line is"
        )
        lunch = " He is at lunch from {} ms to {} ms, and takes one the moment he is back.".format(*self.lunch)
        return (
            f"*teams* sends {self.count} cards, {sent}. The desk has room for {self.room}. The clerk takes a card from "
            f"it whenever there is one, {self.every} ms after he took the last at the earliest."
            + (lunch if self.lunch[1] else "")
        )


def desks(key: str) -> tuple[Desk, Desk]:
    """The two scenes that the student with `key` is asked about: a blast, and a pace."""
    source = random.Random(f"step 1 {key}")
    return _blast(source), _paced(source)


def _blast(source: random.Random) -> Desk:
    return Desk(
        count=source.randrange(50, 151, 10), room=source.randint(6, 20), every=source.choice((2.3, 2.7, 3.3, 3.7, 4.3))
    )


def _paced(source: random.Random) -> Desk:
    """He is a little faster than the cards come, and then at lunch for longer than his desk has room for."""
    interval, room = source.choice((8, 10, 12)), source.randint(5, 12)
    begin = source.randrange(100, 300)
    end = begin + interval * (room + source.randint(3, 9)) + source.randrange(1, interval - 1)
    return Desk(
        count=source.randrange(70, 100),
        room=room,
        every=interval - source.choice((0.7, 1.3)),
        interval=interval,
        lunch=(begin, end),
    )


DEFECTS = {
    "credit-for-arrivals": "The receiver gives credit for what has arrived, not for what was read.",
    "one-too-many": "The sender sends the very number that is the limit, and not only those before it.",
    "credit-added": "The sender adds each credit to the limit that it had.",
    "credit-taken-back": "An old acknowledgement takes credit back.",
    "no-update": "When the reader goes on, the sender is not told unasked.",
    "throws-early-away": "The receiver does not keep what comes before its turn.",
    "sends-all-again": "When the timer goes, the sender sends again all that is under way.",
    "old-timer": "Good news does not start the sender's timer anew.",
    "asks-too-often": "The pause between two probes does not grow.",
}
