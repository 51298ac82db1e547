"""Once, with one table for what is under way, one for answers, and the answers in the order of their ends."""

from collections import OrderedDict
from enum import StrEnum


class Verdict(StrEnum):
    """What is to be done with a request."""

    NEW = "new"
    UNDER_WAY = "under way"
    ANSWERED = "answered"
    DIFFERENT = "different"
    FULL = "full"


class Once:
    def __init__(self, *, size: int, age: float) -> None:
        self.size = size
        self.age = age
        self.under_way: dict[str, bytes] = {}
        self.answers: OrderedDict[str, tuple[bytes, bytes, float]] = OrderedDict()

    def begin(self, identity: str, words: bytes, *, now: float) -> Verdict:
        while self.answers:
            oldest = next(iter(self.answers))
            if now - self.answers[oldest][2] < self.age:
                break
            del self.answers[oldest]
        if identity in self.under_way:
            return Verdict.UNDER_WAY if self.under_way[identity] == words else Verdict.DIFFERENT
        if identity in self.answers:
            return Verdict.ANSWERED if self.answers[identity][0] == words else Verdict.DIFFERENT
        if len(self.under_way) + len(self.answers) == self.size:
            return Verdict.FULL
        self.under_way[identity] = words
        return Verdict.NEW

    def finish(self, identity: str, answer: bytes, *, now: float) -> None:
        self.answers[identity] = (self.under_way.pop(identity), answer, now)

    def answer(self, identity: str) -> bytes:
        return self.answers[identity][1]
