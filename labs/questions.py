"""Questions whose answers depend on the student: the part of a grade that copied code does not earn.

A lab's `questions.py` defines `predict(key, play)`, which makes a schedule from the student's key and returns questions
about it, and `DEFECTS`, the defects among which a diagnosis chooses. The student answers in `answers.toml`:

    key = "…"            # the student's own; `lab start` writes it
    [step4]
    q1 = 3
    [step5]
    defect = "no-checksum"
    frame = "a-b:data:3"
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labs.story.trace import Trace
from labs.testbed.scene import Scene

Play = Callable[[Scene], Trace]
"""Plays a scene on `sim`, always under the same seed, which comes from the student's key."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `answer` is the true answer, or a function that works it out when it is needed.

    Numbers may differ by `tolerance`; texts are compared without regard to case and outer spaces. `why` explains the
    answer to somebody who has given it. `hint` helps whoever has this one wrong, and all before it right.
    """

    id: str
    text: str
    answer: object | Callable[[], object]
    tolerance: float = 0
    why: str = ""
    hint: str = ""

    def truth(self) -> Any:
        """The true answer, worked out now if need be."""
        return self.answer() if callable(self.answer) else self.answer

    def accepts(self, given: object) -> bool:
        """Whether `given` is right."""
        truth = self.truth()
        if isinstance(truth, bool) or isinstance(given, bool):
            return given is truth
        if isinstance(truth, int | float) and (number := as_number(given)) is not None:
            return abs(truth - number) <= self.tolerance
        return normal(given) == normal(truth)


def as_number(answer: object) -> float | None:
    """The number that an answer says, also one that was written between quotation marks, or in hexadecimal; or None."""
    if isinstance(answer, int | float):
        return answer
    for read in (lambda text: int(text, 0), float):
        try:
            number = read(str(answer).strip())
        except ValueError:
            continue
        return number if math.isfinite(number) else None
    return None


def normal(answer: object) -> str:
    """An answer as it is compared: its text, without regard to case and to spaces around it."""
    return str(answer).strip().casefold()
