"""Failure accrual: an endpoint that keeps failing is left alone for a while, by its own callers' experience.

Each endpoint is judged apart, from what its calls came to: five failures in a row, or a success rate below 80 % over
30 seconds. Then it counts as *dead* for a time that doubles with each relapse; after that one request probes it. It
*fails open*: it says that the endpoint is busy, and a balancer that has nothing better may still use it. That is the
difference to a breaker, which refuses: one endpoint of many can be avoided, a whole service cannot.

An endpoint that cannot be connected to is dead at once, for a second, then two, four, up to 32.

Prior art: Finagle's `FailureAccrualFactory` and `FailFastFactory`, whose constants and states these are.
"""

import random
from collections import deque
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, field
from enum import Enum

from mesh.policies.backoff import FAIL_FAST, MARK_DEAD, Backoff


class Health(Enum):
    """What is thought of an endpoint."""

    ALIVE = "alive"
    DEAD = "dead"
    PROBE_OPEN = "the next request probes it"
    PROBE_CLOSED = "a request is probing it"


@dataclass(slots=True, kw_only=True)
class FailureAccrual:
    """One endpoint's account. Times are seconds."""

    randomness: random.Random
    in_a_row: int = 5
    rate: float = 0.8
    window: float = 30.0
    least: int = 5
    """The success rate says nothing about fewer requests than these."""
    backoff: Backoff = MARK_DEAD
    health: Health = Health.ALIVE
    _row: int = 0
    _outcomes: deque[tuple[float, bool]] = field(default_factory=deque)
    _relapses: int = 0
    _dead_until: float = 0.0

    def is_available(self, *, now: float) -> bool:
        """Whether a balancer should prefer this endpoint; otherwise it is busy being dead, or being probed."""
        if self.health is Health.DEAD and now >= self._dead_until:
            self.health = Health.PROBE_OPEN
        return self.health in (Health.ALIVE, Health.PROBE_OPEN)

    def begin(self, *, now: float) -> None:
        """A request goes to this endpoint."""
        if self.is_available(now=now) and self.health is Health.PROBE_OPEN:
            self.health = Health.PROBE_CLOSED

    def succeeded(self, *, now: float) -> None:
        """A request came to a good end."""
        if self.health is Health.PROBE_CLOSED:
            self.health, self._relapses = Health.ALIVE, 0
            self._outcomes.clear()
        self._row = 0
        self._note(True, now)

    def failed(self, *, now: float) -> None:
        """A request failed, or took too long."""
        self._row += 1
        self._note(False, now)
        if self.health is Health.PROBE_CLOSED or (self.health is Health.ALIVE and self._is_too_much()):
            self._die(self.backoff, now)

    def unreachable(self, *, now: float) -> None:
        """Nobody answers there: no doubt is left, and who refuses in no time would look like the quickest of all."""
        self._note(False, now)
        if self.health is not Health.DEAD:
            self._die(FAIL_FAST, now)

    def _die(self, backoff: Backoff, now: float) -> None:
        self._relapses += 1
        self.health = Health.DEAD
        self._dead_until = now + backoff.wait(self._relapses, randomness=self.randomness)

    def ignored(self, *, now: float) -> None:
        """A request's end says nothing about the endpoint; a probe must be made again."""
        if self.health is Health.PROBE_CLOSED:
            self.health = Health.PROBE_OPEN

    def _note(self, good: bool, now: float) -> None:
        self._outcomes.append((now, good))
        while self._outcomes[0][0] <= now - self.window:
            self._outcomes.popleft()

    def _is_too_much(self) -> bool:
        count = len(self._outcomes)
        good = sum(outcome for _, outcome in self._outcomes)
        return self._row >= self.in_a_row or (count >= self.least and good < self.rate * count)


@dataclass(slots=True, kw_only=True)
class Accruals:
    """The accounts of all endpoints of a cluster; `make` opens the account of a newcomer."""

    make: Callable[[], FailureAccrual]
    _accounts: dict[Hashable, FailureAccrual] = field(default_factory=dict)

    def set_endpoints(self, endpoints: Collection[Hashable]) -> None:
        """These are there now; what is known of those that stay is kept."""
        self._accounts = {endpoint: self._accounts.get(endpoint) or self.make() for endpoint in endpoints}

    def is_available(self, endpoint: Hashable, *, now: float) -> bool:
        """Whether a balancer should prefer `endpoint`; of an unknown one nothing bad is known."""
        account = self._accounts.get(endpoint)
        return account is None or account.is_available(now=now)

    def begin(self, endpoint: Hashable, *, now: float) -> None:
        """A request goes to `endpoint`."""
        if (account := self._accounts.get(endpoint)) is not None:
            account.begin(now=now)

    def succeeded(self, endpoint: Hashable, *, now: float) -> None:
        """A request to `endpoint` came to a good end."""
        if (account := self._accounts.get(endpoint)) is not None:
            account.succeeded(now=now)

    def failed(self, endpoint: Hashable, *, now: float) -> None:
        """A request to `endpoint` failed, or took too long."""
        if (account := self._accounts.get(endpoint)) is not None:
            account.failed(now=now)

    def unreachable(self, endpoint: Hashable, *, now: float) -> None:
        """Nobody answers at `endpoint`."""
        if (account := self._accounts.get(endpoint)) is not None:
            account.unreachable(now=now)

    def ignored(self, endpoint: Hashable, *, now: float) -> None:
        """The end of a request to `endpoint` says nothing about it."""
        if (account := self._accounts.get(endpoint)) is not None:
            account.ignored(now=now)
