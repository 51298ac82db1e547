"""The circuit breaker: when too much fails, stop trying for a while.

Closed, it counts what comes of the calls of the last ten seconds. When there were at least 20, and half of them failed,
it opens: calls fail at once, which spares the caller's time and the callee's strength. After five seconds it is half
open: exactly one call is let through. If that succeeds, the circuit is closed and the counts begin anew; if it fails,
the five seconds begin anew.

What always holds: while open, and for `sleep` seconds after it opened, nothing passes; half open, one call passes at a
time, and whoever got it must say what came of it, also when it was cancelled, or the circuit would stay half open.

Prior art: Nygard's *Release It!*; the numbers and the counting are Hystrix's: rolling buckets of a second, refused
calls and bad requests count for nothing. Unlike Hystrix, every state change is told to `alert`.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

BUCKETS = 10


class State(Enum):
    """Where a circuit stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


@dataclass(frozen=True, slots=True)
class Alert:
    """A circuit has changed: of what (`name`), from and to which state, when, and by which counts."""

    name: str
    before: State
    after: State
    at: float
    failures: int
    total: int


@dataclass(slots=True)
class _Bucket:
    number: int
    successes: int = 0
    failures: int = 0


def _tell_nobody(alert: Alert) -> None:
    """The default: nobody wants to know."""


@dataclass(slots=True, kw_only=True)
class Breaker:
    """One circuit. Ask `may_pass`, then say `succeeded`, `failed` or `abandoned`, once for each call that passed."""

    name: str = ""
    requests: int = 20
    """It takes so many within the window before the share of failures counts."""
    percent: int = 50
    sleep: float = 5.0
    window: float = 10.0
    alert: Callable[[Alert], None] = _tell_nobody
    state: State = State.CLOSED
    _opened_at: float = 0.0
    _probing: bool = False
    _buckets: deque[_Bucket] = field(default_factory=deque)

    def may_pass(self, *, now: float) -> bool:
        """Whether a call may be made now."""
        if self.state is State.CLOSED:
            return True
        if self.state is State.OPEN and now >= self._opened_at + self.sleep:
            self._move(State.HALF_OPEN, now)
            self._probing = False
        if self.state is State.HALF_OPEN and not self._probing:
            self._probing = True
            return True
        return False

    def succeeded(self, *, now: float) -> None:
        """A call that passed has succeeded."""
        if self.state is State.HALF_OPEN:
            self._buckets.clear()
            self._move(State.CLOSED, now)
        else:
            self._bucket(now).successes += 1

    def failed(self, *, now: float) -> None:
        """A call that passed has failed, by an error or by taking too long."""
        self._bucket(now).failures += 1
        if self.state is State.HALF_OPEN:
            self._open(now)
        elif self.state is State.CLOSED:
            failures, total = self.counts(now=now)
            if total >= self.requests and 100 * failures // total >= self.percent:
                self._open(now)

    def abandoned(self, *, now: float) -> None:
        """A call that passed came to no end of its own: cancelled, or refused as bad by the other side."""
        if self.state is State.HALF_OPEN:
            self._probing = False

    def counts(self, *, now: float) -> tuple[int, int]:
        """Failures, and all calls, of the last window."""
        self._forget(now)
        failures = sum(bucket.failures for bucket in self._buckets)
        return failures, failures + sum(bucket.successes for bucket in self._buckets)

    def _open(self, now: float) -> None:
        self._opened_at = now
        self._move(State.OPEN, now)

    def _move(self, state: State, now: float) -> None:
        before, self.state = self.state, state
        self.alert(Alert(self.name, before, state, now, *self.counts(now=now)))

    def _number(self, now: float) -> int:
        return int(now * BUCKETS / self.window)

    def _bucket(self, now: float) -> _Bucket:
        self._forget(now)
        number = self._number(now)
        if not self._buckets or self._buckets[-1].number != number:
            self._buckets.append(_Bucket(number))
        return self._buckets[-1]

    def _forget(self, now: float) -> None:
        oldest = self._number(now) - BUCKETS
        while self._buckets and self._buckets[0].number <= oldest:
            self._buckets.popleft()
