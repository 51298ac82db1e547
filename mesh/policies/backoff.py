"""How long to wait before trying again: longer each time, and never all at once.

Waiting times grow exponentially up to a limit. *Jitter* spreads those who failed together, or else they come back
together: *equal* jitter waits at least half of the time, *full* jitter anything from nothing on (Brooker, 2015).
"""

import random
from dataclasses import dataclass
from typing import Literal

Jitter = Literal["none", "equal", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Times are seconds: `first`, then twice as much each time, up to `most`."""

    first: float
    most: float
    jitter: Jitter = "full"

    def wait(self, tries: int, *, randomness: random.Random) -> float:
        """How long to wait after `tries` tries have failed (one or more)."""
        whole = min(self.most, self.first * 2.0 ** min(tries - 1, 64))
        if self.jitter == "full":
            return randomness.uniform(0, whole)
        if self.jitter == "equal":
            return whole / 2 + randomness.uniform(0, whole / 2)
        return whole


ENVOY = Backoff(first=0.025, most=0.25, jitter="full")
"""Envoy's between tries of one request: 25 ms, at most ten times that."""

FAIL_FAST = Backoff(first=1.0, most=32.0, jitter="equal")
"""Finagle's before an endpoint that could not be connected to is tried again."""

MARK_DEAD = Backoff(first=5.0, most=300.0, jitter="equal")
"""Finagle's before an endpoint that was marked dead is tried again."""
