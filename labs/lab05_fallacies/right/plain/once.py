"""Once, with a dictionary for each thing that is known of an identity."""

from enum import StrEnum


class Verdict(StrEnum):
    """What is to be done with a request."""

    NEW = "new"
    UNDER_WAY = "under way"
    ANSWERED = "answered"
    DIFFERENT = "different"
    FULL = "full"


class Once:
    def __init__(self, *, size, age):
        self.size, self.age = size, age
        self.words, self.answers, self.ends = {}, {}, {}

    def begin(self, identity, words, *, now):
        for name in [name for name in self.ends if self.ends[name] <= now]:
            for table in (self.words, self.answers, self.ends):
                del table[name]
        if identity not in self.words:
            if len(self.words) == self.size:
                return Verdict.FULL
            self.words[identity] = words
            return Verdict.NEW
        if self.words[identity] != words:
            return Verdict.DIFFERENT
        if identity in self.answers:
            return Verdict.ANSWERED
        return Verdict.UNDER_WAY

    def finish(self, identity, answer, *, now):
        self.answers[identity] = answer
        self.ends[identity] = now + self.age

    def answer(self, identity):
        return self.answers[identity]
