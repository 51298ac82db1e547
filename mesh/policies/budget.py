"""The retry budget: retries may be a share of the requests, and no more.

A retry mends a request that failed by chance. When *everything* fails, retries only multiply the load on whatever is
failing: three tiers that try three times each make 27 requests of one. A limit for each request does not help there; a
limit for all of them together does. Each request pays a little into a leaky account, each retry takes out the price of
five requests; so retries are at most 20 % of the requests of the last ten seconds. A reserve lets a client with little
traffic retry all the same: ten a second.

What always holds: within any `seconds`, no more retries than `share` of the requests plus the reserve. 1,000 calls to a
dead host within ten seconds make at most 1,300 attempts.

Prior art: Finagle's `RetryBudget`, whose numbers these are: its account leaks in ten slices, one a second.
"""

from collections import deque
from dataclasses import dataclass, field

SLICES = 10
REQUEST = 1000  # what one request pays in


@dataclass(slots=True, kw_only=True)
class RetryBudget:
    """`share` of the requests of the last `seconds`, and `reserve` retries a second besides, may be retries."""

    seconds: float = 10.0
    share: float = 0.2
    reserve: float = 10.0
    _slices: deque[list[float]] = field(default_factory=deque)  # [number of the slice, balance]

    @property
    def _price(self) -> float:
        return REQUEST / self.share if self.share else REQUEST

    def request(self, *, now: float) -> None:
        """A request is made, for the first time."""
        if self.share:
            self._slice(now)[1] += REQUEST

    def may_retry(self, *, now: float) -> bool:
        """Whether there is enough for a retry; if so, it is paid for."""
        if self.balance(now=now) < self._price:
            return False
        self._slice(now)[1] -= self._price
        return True

    def balance(self, *, now: float) -> float:
        """What is in the account, reserve included; divided by a retry's price, how many retries that is."""
        self._leak(now)
        return self.reserve * self.seconds * self._price + sum(balance for _, balance in self._slices)

    def retries_left(self, *, now: float) -> int:
        """How many retries the account would pay for at this moment."""
        return int(self.balance(now=now) / self._price)

    def _number(self, now: float) -> int:
        return int(now * SLICES / self.seconds)

    def _slice(self, now: float) -> list[float]:
        self._leak(now)
        number = self._number(now)
        if not self._slices or self._slices[-1][0] != number:
            self._slices.append([number, 0.0])
        return self._slices[-1]

    def _leak(self, now: float) -> None:
        oldest = self._number(now) - SLICES
        while self._slices and self._slices[0][0] <= oldest:
            self._slices.popleft()
