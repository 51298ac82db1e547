"""Balancing: which of several endpoints gets the next request?

* `LeastLoaded` compares how many requests each has under way; *two at random* are enough to compare (Mitzenmacher,
  2001: the power of two choices), and unlike the least of all they do not send everybody to the same one at once.
* `PeakEwma` compares what the next request would cost: how long answers take of late, times how many wait already. The
  average forgets over ten seconds, but believes a slow answer at once.

Sources: Finagle's `P2CPick` and `PeakEwma`, tower's `peak_ewma` (its variant starts a newcomer at 30 ms, Finagle's lets
exactly one request try it). An endpoint that is not *available* (dead, ejected) is passed over as long as there is
another; after five tries it is used all the same, since to believe that all are broken helps nobody. Without any
knowledge of loads do `policies.round_robin` and `policies.ring`.
"""

import math
import random
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mesh.instances import NoEndpoints

DECAY = 10.0
PENALTY = float(2**47 - 1)
"""Finagle's cost of an endpoint that has never answered and has a request under way: nobody else tries it meanwhile."""

NEWCOMER = 0.03
"""tower's assumption of how long an unknown endpoint takes, in seconds."""

MOST_TRIES = 5


class Load(Protocol):
    """What is known of one endpoint. Each request is begun and ended once; times are seconds."""

    def begin(self, *, now: float) -> None: ...
    def end(self, took: float, *, now: float) -> None: ...
    def load(self, *, now: float) -> float: ...


@dataclass(slots=True)
class LeastLoaded:
    """The number of requests under way."""

    pending: int = 0

    def begin(self, *, now: float) -> None:
        """A request goes there."""
        self.pending += 1

    def end(self, took: float, *, now: float) -> None:
        """It is over. One that was begun before the endpoint went, and came again, was never counted."""
        self.pending = max(0, self.pending - 1)

    def load(self, *, now: float) -> float:
        """What is compared."""
        return self.pending


@dataclass(slots=True, kw_only=True)
class PeakEwma:
    """Recent answer time × (requests under way + 1). `newcomer` None is Finagle's variant, a time tower's."""

    decay: float = DECAY
    newcomer: float | None = None
    pending: int = 0
    _cost: float = field(init=False)
    _at: float | None = field(default=None, init=False)  # what was assumed of a newcomer does not fade before this

    def __post_init__(self) -> None:
        self._cost = self.newcomer or 0.0

    def begin(self, *, now: float) -> None:
        """A request goes there."""
        self.pending += 1

    def end(self, took: float, *, now: float) -> None:
        """It took so many seconds."""
        self.pending = max(0, self.pending - 1)
        self._observe(took, now)

    def load(self, *, now: float) -> float:
        """What is compared: the expected cost of one more, in seconds."""
        self._observe(0.0, now)
        if self._cost == 0.0 and self.pending:
            return PENALTY + self.pending
        return self._cost * (self.pending + 1)

    def _observe(self, took: float, now: float) -> None:
        if took > self._cost:
            self._cost = took  # a peak is believed at once
        else:
            since = now if self._at is None else self._at
            weight = math.exp(-max(0.0, now - since) / self.decay)
            self._cost = took * (1 - weight) + self._cost * weight
        self._at = now


Endpoint = Hashable


@dataclass(slots=True, kw_only=True)
class TwoChoices:
    """Draws two endpoints and takes the less loaded. `make` makes the `Load` of a newcomer."""

    randomness: random.Random
    make: Callable[[], Load] = LeastLoaded
    is_available: Callable[[Endpoint], bool] = lambda endpoint: True
    _loads: dict[Endpoint, Load] = field(default_factory=dict, init=False)

    def set_endpoints(self, endpoints: Sequence[Endpoint]) -> None:
        """These are there now; what is known of those that stay is kept."""
        self._loads = {endpoint: self._loads.get(endpoint) or self.make() for endpoint in endpoints}

    def pick(self, *, now: float) -> Endpoint:
        """The endpoint for the next request; raises `NoEndpoints`."""
        endpoints = list(self._loads)
        if not endpoints:
            raise NoEndpoints("nobody is registered, or nobody fits")
        for _ in range(MOST_TRIES):
            picked = self._pick_of_two(endpoints, now)
            if self.is_available(picked):
                break
        return picked

    def _pick_of_two(self, endpoints: list[Endpoint], now: float) -> Endpoint:
        if len(endpoints) == 1:
            return endpoints[0]
        first = self.randomness.randrange(len(endpoints))
        second = self.randomness.randrange(len(endpoints) - 1)
        second += second >= first  # two different ones, each pair as likely
        pair = endpoints[first], endpoints[second]
        return min(pair, key=lambda each: (not self.is_available(each), self._loads[each].load(now=now)))

    def begin(self, endpoint: Endpoint, *, now: float) -> None:
        """A request goes to `endpoint`."""
        if endpoint in self._loads:
            self._loads[endpoint].begin(now=now)

    def end(self, endpoint: Endpoint, took: float, *, now: float) -> None:
        """A request to `endpoint` took so many seconds, whatever came of it."""
        if endpoint in self._loads:
            self._loads[endpoint].end(took, now=now)
