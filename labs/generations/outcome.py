"""What people got: which of their questions were answered, rightly and in time.

Told from the judge's ends of the application's ports alone. An answer says which team it is about, but not which
question it answers. Where the same was asked more than once, it is taken to be for the latest question about its team
that is still open. (For the earliest, one lost answer would make all that follow it look late.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

from labs.conformance import Asked
from labs.lab00_machine.starter import business
from labs.story.trace import Trace
from netstack.wire import SECOND

LATE = SECOND
"""What people notice: after a second their thoughts wander (Nielsen, *Usability Engineering*, 1993)."""


class Got(Enum):
    """What came of a question."""

    RIGHT = "answered"
    SORRY = "put off"
    WRONG = "wrong"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Heard:
    """What people got for one question, and after how many nanoseconds (0 for silence)."""

    got: Got
    after: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What people got for each question, in the order of asking; `surplus` counts answers that nobody had asked for."""

    heard: tuple[Heard, ...]
    surplus: int = 0

    def count(self, got: Got) -> int:
        """How many questions came to this."""
        return sum(each.got is got for each in self.heard)

    @property
    def times(self) -> list[int]:
        """How long each right answer took, in nanoseconds."""
        return [each.after for each in self.heard if each.got is Got.RIGHT]

    @property
    def middle(self) -> int:
        """The median of `times`; 0 if there are none."""
        return round(median(self.times)) if self.times else 0

    @property
    def longest(self) -> int:
        """The greatest of `times`; 0 if there are none."""
        return max(self.times, default=0)

    def at_once(self, soonest: int) -> int:
        """How many were put off sooner than the `soonest` answer could have come: nobody had been asked."""
        return sum(each.got is Got.SORRY and each.after < soonest for each in self.heard)

    def delays(self, without: "Outcome") -> list[int]:
        """By how many nanoseconds each right answer came later than it did `without` the fault."""
        pairs = zip(self.heard, without.heard, strict=True)
        return [one.after - other.after for one, other in pairs if one.got is other.got is Got.RIGHT]


def outcome(trace: Trace, asked: Sequence[Asked], *, every: int, soonest: int, host: str) -> Outcome:
    """What people at `host` got for `asked`, one question each `every` ns; no answer comes sooner than `soonest` ns.

    Apologies, which may come at once or very late, go to the questions that are left when answers have found theirs.
    """
    still_open = dict(enumerate(asked))
    heard: dict[int, Heard] = {}
    delivered = [(event.at, event.payload) for event in trace.at_port("delivered", host)]
    answers = [(at, payload, at - soonest) for at, payload in delivered if not _is_apology(payload)]
    apologies = [(at, payload, at) for at, payload in delivered if _is_apology(payload)]
    for at, payload, before in (*answers, *apologies):
        team = _team(payload)
        fitting = [n for n, one in still_open.items() if n * every <= before and _team(one.answer) == team]
        if fitting:
            number = max(fitting)
            heard[number] = Heard(_got(payload, still_open.pop(number)), at - number * every)
    return Outcome(
        tuple(heard.get(number, Heard(Got.SILENCE)) for number in range(len(asked))), len(delivered) - len(heard)
    )


def _team(answer: bytes) -> bytes:
    return answer.partition(b": ")[0]


def _is_apology(payload: bytes) -> bool:
    return payload == business.apology(_team(payload).decode("utf-8", "replace"))


def _got(payload: bytes, asked: Asked) -> Got:
    if payload == asked.answer:
        return Got.RIGHT
    return Got.SORRY if _is_apology(payload) else Got.WRONG
