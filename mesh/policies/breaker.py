"""The circuit breaker: when too much fails, stop trying for a while.

Closed, it counts what comes of the calls of the last ten seconds. When there were at least 20, and half of them failed,
it opens: calls fail at once, which spares the caller's time and the callee's strength. After five seconds it is half
open: exactly one call is let through. If that succeeds, the circuit is closed and the counts begin anew; if it fails,
the five seconds begin anew.

What always holds: for `sleep` seconds after it opened, nothing passes; half open, one call passes at a time, and
whoever got it must say what came of it, also when it was cancelled, or the circuit would stay half open for ever.

When something fails, all breakers that guard it open within moments, and all would try it again within moments too.
`jitter` spreads that: it draws what is added to each sleep.

Prior art: Nygard's *Release It!*; the numbers and the counting are Hystrix's: refused calls and bad requests count for
nothing. Unlike there, every change is told to `alert`, and a probe that is abandoned is made again. Left out: calls do
not say which they are, so one that began before the circuit opened, and ends after its sleep, passes for the probe.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from mesh.policies.rolling import Rolling


class State(StrEnum):
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


def tell_nobody(alert: Alert) -> None:
    """The default: nobody wants to know."""


def no_jitter() -> float:
    """The default: every sleep is as long as any other."""
    return 0.0


@dataclass(slots=True, kw_only=True)
class Breaker:
    """One circuit. Ask `may_pass`, then say `succeeded`, `failed` or `abandoned`, once for each call that passed.

    Times are seconds. `jitter` draws seconds that are added to `sleep` each time it opens.
    """

    name: str = ""
    requests: int = 20
    """It takes so many within the window before the share of failures counts."""
    percent: int = 50
    sleep: float = 5.0
    window: float = 10.0
    jitter: Callable[[], float] = no_jitter
    alert: Callable[[Alert], None] = tell_nobody
    state: State = State.CLOSED
    _asleep_until: float = 0.0
    _is_probing: bool = False
    _lately: Rolling = field(init=False)

    def __post_init__(self) -> None:
        self._lately = Rolling(self.window)

    def may_pass(self, *, now: float) -> bool:
        """Whether a call may be made now."""
        if self.state is State.OPEN and now >= self._asleep_until:
            self._is_probing = False
            self._move(State.HALF_OPEN, now)
        if self.state is State.HALF_OPEN and not self._is_probing:
            self._is_probing = True
            return True
        return self.state is State.CLOSED

    def succeeded(self, *, now: float) -> None:
        """A call that passed has succeeded."""
        if self.state is State.HALF_OPEN:
            self._lately.clear()
            self._move(State.CLOSED, now)
        else:
            self._lately.add("success", now=now)

    def failed(self, *, now: float) -> None:
        """A call that passed has failed, by an error or by taking too long."""
        self._lately.add("failure", now=now)
        if self.state is State.HALF_OPEN or (self.state is State.CLOSED and self._is_too_much(now)):
            self._asleep_until = now + self.sleep + self.jitter()
            self._move(State.OPEN, now)

    def abandoned(self, *, now: float) -> None:
        """A call that passed came to no end of its own: cancelled, or refused as bad by the other side."""
        self._is_probing = False

    def counts(self, *, now: float) -> tuple[int, int]:
        """Failures, and all calls, of the last window."""
        failures = self._lately.count("failure", now=now)
        return failures, failures + self._lately.count("success", now=now)

    def _is_too_much(self, now: float) -> bool:
        failures, total = self.counts(now=now)
        return total >= self.requests and 100 * failures >= self.percent * total

    def _move(self, state: State, now: float) -> None:
        before, self.state = self.state, state
        self.alert(Alert(self.name, before, state, now, *self.counts(now=now)))
