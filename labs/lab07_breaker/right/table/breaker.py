"""A breaker as a table of moves; its window is a list of what happened, with the number of its slice."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


@dataclass(frozen=True)
class Alert:
    name: str
    before: State
    after: State
    at: float
    failures: int
    total: int


SETTINGS = {"name": "", "requests": 20, "percent": 50, "sleep": 5.0, "window": 10.0, "jitter": None, "alert": None}


class Breaker:
    def __init__(self, **told):
        self.__dict__ |= SETTINGS | told
        self.state = State.CLOSED
        self.until = 0.0
        self.probe = False
        self.past = []

    def may_pass(self, *, now):
        if self.state == "open" and now >= self.until:
            self._become(State.HALF_OPEN, now)
        elif self.state == "closed":
            return True
        elif self.state == "open" or self.probe:
            return False
        self.probe = True
        return True

    def succeeded(self, *, now):
        if self.state == "half open":
            self.past = []
            self._become(State.CLOSED, now)
        else:
            self._note(now, 0)

    def failed(self, *, now):
        self._note(now, 1)
        failures, total = self.counts(now=now)
        enough = total >= self.requests and failures * 100 >= total * self.percent
        if {"closed": enough, "open": False, "half open": True}[self.state]:
            self.until = now + self.sleep + (self.jitter() if self.jitter else 0)
            self._become(State.OPEN, now)

    def abandoned(self, *, now):
        self.probe = False

    def counts(self, *, now):
        number = self._slice(now)
        self.past = [each for each in self.past if each[0] > number - 10]
        return sum(failed for _, failed in self.past), len(self.past)

    def _note(self, now, failed):
        self.past.append((self._slice(now), failed))

    def _slice(self, now):
        return int(now * 10 / self.window)

    def _become(self, state, now):
        before, self.state, self.probe = self.state, state, False
        if self.alert:
            self.alert(Alert(self.name, before, state, now, *self.counts(now=now)))
