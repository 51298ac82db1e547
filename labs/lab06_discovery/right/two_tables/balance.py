"""Who gets the next question?"""

import math

from mesh.instances import NoEndpoints


class LeastLoaded:
    """What is known of one endpoint: the number of requests under way. Times are seconds."""

    def __init__(self):
        self.pending = 0

    def begin(self, *, now: float) -> None:
        """A request goes there."""
        self.pending += 1

    def end(self, took: float, *, now: float) -> None:
        """One is over; it took so many seconds."""
        self.pending = max(0, self.pending - 1)

    def load(self, *, now: float) -> float:
        """What is compared."""
        return self.pending


class PeakEwma(LeastLoaded):
    """What is known of one endpoint: recent answer time × (requests under way + 1)."""

    def __init__(self, *, decay: float = 10.0, newcomer: float | None = None) -> None:
        super().__init__()
        self.decay = decay
        self.penalty = newcomer is None
        self.cost = 0.0 if newcomer is None else newcomer
        self.last = None

    def observe(self, took: float, now: float) -> None:
        """`took` was seen at `now`."""
        if took > self.cost:
            self.cost = took
        else:
            w = 1.0 if self.last is None else math.exp(-(now - self.last) / self.decay)
            self.cost = took * (1 - w) + self.cost * w
        self.last = now

    def end(self, took: float, *, now: float) -> None:
        """One is over; what it took is observed."""
        super().end(took, now=now)
        self.observe(took, now)

    def load(self, *, now: float) -> float:
        """What the next request would cost."""
        self.observe(0.0, now)
        if self.penalty and self.cost == 0 and self.pending > 0:
            return 2**47 - 1 + self.pending
        return self.cost * (self.pending + 1)


class TwoChoices:
    """Draws two endpoints and takes the less loaded. `make` makes what is known of a newcomer."""

    def __init__(self, *, randomness, make=LeastLoaded, is_available=lambda endpoint: True) -> None:
        self.randomness = randomness
        self.make = make
        self.is_available = is_available
        self.known = {}  # endpoint -> LeastLoaded or PeakEwma

    def set_endpoints(self, endpoints) -> None:
        """These are there now; what is known of those that stay is kept."""
        self.known = {
            endpoint: self.known[endpoint] if endpoint in self.known else self.make() for endpoint in endpoints
        }

    def pick(self, *, now: float):
        """The endpoint for the next request; raises `NoEndpoints`."""
        endpoints = list(self.known)
        if not endpoints:
            raise NoEndpoints("nobody is there")
        if len(endpoints) == 1:
            return endpoints[0]
        for _ in range(5):
            first, second = self.randomness.sample(endpoints, 2)
            first_ok, second_ok = self.is_available(first), self.is_available(second)
            if first_ok and not second_ok:
                return first
            if second_ok and not first_ok:
                return second
            winner = first if self.known[first].load(now=now) <= self.known[second].load(now=now) else second
            if first_ok and second_ok:
                return winner
        return winner

    def begin(self, endpoint, *, now: float) -> None:
        """A request goes to `endpoint`."""
        if endpoint in self.known:
            self.known[endpoint].begin(now=now)

    def end(self, endpoint, took: float, *, now: float) -> None:
        """A request to `endpoint` took so many seconds, whatever came of it."""
        if endpoint in self.known:
            self.known[endpoint].end(took, now=now)
