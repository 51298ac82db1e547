"""The circuit breaker.

So far it is a wire: everything passes, and nobody counts. The handout, steps 4 and 5, says what to write.
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
    _lately: Rolling = field(init=False)

    def __post_init__(self) -> None:
        self._lately = Rolling(self.window)

    def may_pass(self, *, now: float) -> bool:
        """Whether a call may be made now."""
        return True

    def succeeded(self, *, now: float) -> None:
        """A call that passed has succeeded."""

    def failed(self, *, now: float) -> None:
        """A call that passed has failed, by an error or by taking too long."""

    def abandoned(self, *, now: float) -> None:
        """A call that passed came to no end of its own: cancelled, or refused as bad by the other side."""

    def counts(self, *, now: float) -> tuple[int, int]:
        """Failures, and all calls, of the last window."""
        return 0, 0
