"""The retry budget: retries may be a share of the requests, and no more.

A retry mends a request that failed by chance. When *everything* fails, retries only multiply the load on whatever is
failing: three tiers that try three times each make 27 requests of one. A limit for each request does not help there; a
limit for all of them together does. So retries are at most a fifth of the requests of the last ten seconds. A reserve
lets a client with little traffic retry all the same: as many as ten a second.

What always holds: a retry is made only if, with it, the retries of the last `seconds` are no more than `share` of the
requests of the same time, and `reserve` for each second. 1,000 calls to a dead host within one window make exactly
1,300 attempts: 200 retries for a fifth of them, and 100 in reserve.

Prior art: Finagle's `RetryBudget`, whose numbers these are, and whose account leaks in ten slices too.
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
        self._lately.add("request", now=now)

    def may_retry(self, *, now: float) -> bool:
        """Whether there is enough for a retry; if so, it is paid for."""
        if self.balance(now=now) < 1:
            return False
        self._lately.add("retry", now=now)
        return True

    def balance(self, *, now: float) -> float:
        """How many retries may be made now."""
        requests, retries = (self._lately.count(what, now=now) for what in ("request", "retry"))
        return self.share * requests + self.reserve * self.seconds - retries
