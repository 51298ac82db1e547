"""A breaker whose states are objects: each answers, and says which comes next."""

from dataclasses import dataclass
from enum import StrEnum

from mesh.policies.rolling import Rolling


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


class Breaker:
    def __init__(
        self, *, name="", requests=20, percent=50, sleep=5.0, window=10.0, jitter=lambda: 0.0, alert=lambda alert: None
    ):
        self.name, self.requests, self.percent, self.sleep = name, requests, percent, sleep
        self.jitter, self.alert = jitter, alert
        self.good, self.bad = Rolling(window), Rolling(window)
        self._stage = Closed(self)

    @property
    def state(self):
        return self._stage.state

    def may_pass(self, *, now):
        return self._stage.may_pass(now)

    def succeeded(self, *, now):
        self._stage.succeeded(now)

    def failed(self, *, now):
        self.bad.add("call", now=now)
        self._stage.failed(now)

    def abandoned(self, *, now):
        self._stage.abandoned()

    def counts(self, *, now):
        bad = self.bad.count("call", now=now)
        return bad, bad + self.good.count("call", now=now)

    def become(self, stage, now):
        before, self._stage = self.state, stage
        self.alert(Alert(self.name, before, self.state, now, *self.counts(now=now)))


class Stage:
    def __init__(self, circuit):
        self.circuit = circuit

    def succeeded(self, now):
        self.circuit.good.add("call", now=now)

    def failed(self, now):
        pass

    def abandoned(self):
        pass

    def open(self, now):
        until = now + self.circuit.sleep + self.circuit.jitter()
        self.circuit.become(Open(self.circuit, until), now)


class Closed(Stage):
    state = State.CLOSED

    def may_pass(self, now):
        return True

    def failed(self, now):
        failures, total = self.circuit.counts(now=now)
        if total >= self.circuit.requests and failures / total >= self.circuit.percent / 100:
            self.open(now)


class Open(Stage):
    state = State.OPEN

    def __init__(self, circuit, until):
        super().__init__(circuit)
        self.until = until

    def may_pass(self, now):
        if now < self.until:
            return False
        self.circuit.become(HalfOpen(self.circuit), now)
        return True


class HalfOpen(Stage):
    state = State.HALF_OPEN
    busy = True

    def may_pass(self, now):
        passes, self.busy = not self.busy, True
        return passes

    def succeeded(self, now):
        self.circuit.good.clear()
        self.circuit.bad.clear()
        self.circuit.become(Closed(self.circuit), now)

    def failed(self, now):
        self.open(now)

    def abandoned(self):
        self.busy = False
