"""Balancing with `random.sample`, and one class of load that the other one extends."""

import math

from mesh.instances import NoEndpoints


class LeastLoaded:
    """How many are under way."""

    def __init__(self):
        self.waiting = 0

    def begin(self, *, now):
        """One more."""
        self.waiting += 1

    def end(self, took, *, now):
        """One fewer."""
        if self.waiting:
            self.waiting -= 1

    def load(self, *, now):
        """What is compared."""
        return self.waiting


class PeakEwma(LeastLoaded):
    """What the next one costs."""

    def __init__(self, *, decay=10.0, newcomer=None):
        super().__init__()
        self.decay = decay
        self.cost = newcomer if newcomer is not None else 0.0
        self.seen = None

    def end(self, took, *, now):
        """One fewer, and how long it took."""
        super().end(took, now=now)
        self.observe(took, now)

    def load(self, *, now):
        """Look, and multiply."""
        self.observe(0, now)
        if not self.cost and self.waiting:
            return 2**47 - 1 + self.waiting
        return self.cost * (1 + self.waiting)

    def observe(self, took, now):
        """Believe a peak, and mix in the rest."""
        elapsed = 0.0 if self.seen is None else now - self.seen
        self.seen = now
        faded = took + (self.cost - took) * math.exp(-elapsed / self.decay)
        self.cost = max(took, faded)


class TwoChoices:
    """Two of all, and the better one."""

    def __init__(self, *, randomness, make=LeastLoaded, is_available=lambda endpoint: True):
        self.sample, self.make, self.is_available = randomness.sample, make, is_available
        self.loads = {}

    def set_endpoints(self, endpoints):
        """Keep those that stay."""
        before, self.loads = self.loads, {}
        for each in endpoints:
            self.loads[each] = before[each] if each in before else self.make()

    def pick(self, *, now):
        """The winner of a pair."""
        everybody = list(self.loads)
        if not everybody:
            raise NoEndpoints
        for _ in range(5):
            pair = self.sample(everybody, min(2, len(everybody)))
            well = [each for each in pair if self.is_available(each)]
            best = min(well or pair, key=lambda each: self.loads[each].load(now=now))
            if well:
                break
        return best

    def begin(self, endpoint, *, now):
        """Tell its load."""
        if (load := self.loads.get(endpoint)) is not None:
            load.begin(now=now)

    def end(self, endpoint, took, *, now):
        """Tell its load."""
        if (load := self.loads.get(endpoint)) is not None:
            load.end(took, now=now)
