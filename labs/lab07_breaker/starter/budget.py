"""The retry budget.

So far everybody may try again, always. The handout, step 3, says what to write.
"""

from dataclasses import dataclass, field

from mesh.policies.rolling import Rolling


@dataclass(slots=True, kw_only=True)
class RetryBudget:
    """One budget for all calls of a client. Times are seconds, and `reserve` is retries a second."""

    seconds: float = 10.0
    share: float = 0.2
    reserve: float = 10.0
    _lately: Rolling = field(init=False)

    def __post_init__(self) -> None:
        self._lately = Rolling(self.seconds)

    def request(self, *, now: float) -> None:
        """A request is made, for the first time."""

    def may_retry(self, *, now: float) -> bool:
        """Whether there is enough for a retry; if so, it is paid for."""
        return True

    def balance(self, *, now: float) -> float:
        """How many retries may be made now."""
        return 1.0
