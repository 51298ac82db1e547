"""Limits: how many at a time, how many a second, and what to do with the rest.

A *bulkhead* bounds the calls under way to one target, so that one that hangs cannot take everything down with it: some
may wait, the rest are refused (Hystrix's semaphore, Envoy's `max_requests` and `max_pending_requests`). A *rate limit*
is a token bucket. *Shedding* refuses at the server, when its queue has been there for too long: to answer those whose
callers have given up is useless work (Maurer, "Fail at Scale", 2015: CoDel's idea, for requests instead of packets).
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
    """How long a request may wait in a server's queue: `interval` seconds in a burst, `target` when it has settled in.

    A queue that was empty within the last `interval` only evens out a burst, and everybody may wait. One that was not
    serves nobody: what comes out of it is as old as it is long. Then whoever is not served almost at once is refused.
    """

    target: float = 0.005
    interval: float = 0.1
    _empty_at: float = 0.0

    def patience(self, waiting: int, *, now: float) -> float:
        """For how many seconds a request may wait that finds so many others `waiting`."""
        if not waiting:
            self._empty_at = now
        return self.target if now - self._empty_at > self.interval else self.interval
