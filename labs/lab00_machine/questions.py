"""Lab 0's questions, each student's with numbers of their own."""

import random
from functools import cache

from labs.lab00_machine.scenes import COPIES, Transfer, asked, twenty_lines, two_copies
from labs.questions import Play, Question
from labs.testbed.scene import Scene
from netstack.wire import MILLISECOND

WALK = 200  # ms that a clerk needs to the cards
WORDS = (b"first", b"second", b"third", b"meanwhile", b"last")


def predict_1(key: str, play: Play) -> list[Question]:
    """Trio in twenty lines: when is which word delivered?"""
    scene, numbers = _seconds(random.Random(f"step 1 {key}"))

    @cache
    def heard() -> dict[bytes, int]:
        return {event.payload: event.at // MILLISECOND for event in play(scene).at_port("delivered", "machine")}

    return [
        Question("q1", f"{numbers} At which millisecond is `meanwhile` delivered?", lambda: heard()[b"meanwhile"]),
        Question(
            "q2",
            "With the same numbers: which of the five words is never delivered?",
            lambda: next(word for word in WORDS if word not in heard()).decode(),
            why="its task was still asleep when patience ran out, and a cancel scope gives up all that is inside it",
        ),
        Question(
            "q3",
            "At which millisecond is `last` delivered?",
            lambda: heard()[b"last"],
            why="the nursery would have waited for all its tasks; the cancel scope around it did not",
        ),
    ]


def _seconds(source: random.Random) -> tuple[Scene, str]:
    """A scene whose numbers leave nothing to chance: one of two words comes well before patience ends, one after."""
    tenths = source.sample(range(4, 30), 4)
    soon, patience, late = sorted(tenths[1:])
    second, third = source.sample((soon, late), 2)
    numbers = tuple(number / 10 for number in (tenths[0], second, third, patience))
    names = ("first", "second", "third", "patience")
    told = ", ".join(f"`{name}` = {number} s" for name, number in zip(names, numbers, strict=True))
    return twenty_lines(*numbers), f"`given/twenty_lines.py` runs with {told}."


def predict_5(key: str, play: Play) -> list[Question]:
    """Two machines, two copies: what does having no network cost?"""
    source = random.Random(f"step 5 {key}")
    early = source.randrange(850, 1600, 100)
    late = early + source.randrange(1100, 2400, 100)
    every, count = source.choice((300, 400, 500)), 12
    scene = two_copies(_told(early / 1000, late / 1000), asked(*((index * every, "Otters") for index in range(count))))
    numbers = (
        f"Grace goes from the Herons to the Otters. The office's copy of the cards is told at {early} ms, the "
        f"stadium's at {late} ms. At both places somebody asks who plays for the Otters, at the same moments: "
        f"at 0 and then every {every} ms, {count} times in all."
    )

    @cache
    def apart() -> list[int]:
        """The milliseconds at which the questions were asked that got different answers."""
        trace = play(scene)
        answers = zip(*(trace.delivered(host) for host in COPIES), strict=True)
        return [index * every for index, (one, other) in enumerate(answers) if one != other]

    return [
        Question(
            "q1", f"{numbers} How many of the {count} pairs of answers contradict each other?", lambda: len(apart())
        ),
        Question(
            "q2",
            "At which millisecond is the first question asked to which the two places give different answers?",
            lambda: apart()[0],
            why="a clerk reads the card 200 ms after the question: who asks a little before the office is told "
            "already gets its new answer",
        ),
        Question(
            "q3",
            "At which millisecond are the last answers delivered that contradict each other?",
            lambda: apart()[-1] + WALK,
            why="the last question whose card was read before the stadium was told, and 200 ms for the clerk",
        ),
    ]


def _told(early: float, late: float) -> dict[str, list[Transfer]]:
    return {host: [(at, "Grace", "Herons", "Otters")] for host, at in zip(COPIES, (early, late), strict=True)}


DEFECTS = {
    "one-at-a-time": "A question waits until the question before it has its answer.",
    "old-cards": "What it has looked up once it remembers, and says again when the cards have changed.",
    "mixed-up": "Questions under way at the same time are all answered as if they were the last of them.",
    "impatient": "It gives up before the second is over.",
    "answers-after-all": "It apologises in time, and then answers as well.",
    "closes-the-shop": "Once a question has run out of time, it takes no others.",
    "twice": "It answers some questions two times, with the same words.",
}
