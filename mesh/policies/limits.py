"""Limits: how many at a time, how many a second, and what to do with the rest.

A *bulkhead* bounds the calls under way to one target, so that one that hangs cannot take everything down with it: some
may wait, the rest are refused (Hystrix's semaphore, Envoy's `max_requests` and `max_pending_requests`). A *rate limit*
is a token bucket. *Shedding* refuses at the server, when its queue has been long for too long: who waits behind others
that have given up does useless work.
"""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Bulkhead:
    """At most `most` calls at a time, and `waiting` more in a queue."""

    most: int = 10
    waiting: int = 0
    active: int = 0
    queued: int = 0

    def enter(self) -> bool:
        """Whether a call may be made at once; if so, it is under way."""
        if self.active >= self.most:
            return False
        self.active += 1
        return True

    def queue(self) -> bool:
        """Whether a call that could not enter may wait; if so, it does."""
        if self.queued >= self.waiting:
            return False
        self.queued += 1
        return True

    def leave_queue(self) -> None:
        """A call waits no longer, whether it enters now or has given up."""
        self.queued -= 1

    def leave(self) -> None:
        """A call is over."""
        self.active -= 1


@dataclass(slots=True, kw_only=True)
class RateLimit:
    """A token bucket: `rate` a second on average, up to `burst` at once."""

    rate: float
    burst: float
    _tokens: float | None = None
    _at: float = 0.0

    def allow(self, *, now: float, count: float = 1.0) -> bool:
        """Whether `count` more may pass; if so, they are counted."""
        before = self.burst if self._tokens is None else self._tokens
        self._tokens = min(self.burst, before + (now - self._at) * self.rate)
        self._at = now
        if self._tokens < count:
            return False
        self._tokens -= count
        return True

    def wait(self, *, now: float, count: float = 1.0) -> float:
        """In how many seconds `count` could pass, if nothing else does."""
        before = self.burst if self._tokens is None else self._tokens
        tokens = min(self.burst, before + (now - self._at) * self.rate)
        return max(0.0, (count - tokens) / self.rate)


@dataclass(slots=True, kw_only=True)
class Shedding:
    """Refuse work when the shortest wait of the last `interval` seconds was above `target` (CoDel's idea)."""

    target: float = 0.005
    interval: float = 0.1
    _above_since: float | None = None

    def admit(self, waited: float, *, now: float) -> bool:
        """Whether work that has waited for `waited` seconds should still be done."""
        if waited <= self.target:
            self._above_since = None
            return True
        if self._above_since is None:
            self._above_since = now
        return now - self._above_since < self.interval
