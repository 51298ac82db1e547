"""Credit whose pauses come from a generator, and whose limit is kept rather than worked out."""

from netstack.flow.messages import Ack, Probe
from netstack.flow.sequence import add, before, distance


class Granter:
    def __init__(self, *, capacity, first=0):
        self.capacity = capacity
        self.limit = self.told = add(first, capacity)
        self.first = first

    def consumed(self, total):
        self.limit = add(self.first, total + self.capacity)

    def ack(self, wanted):
        self.told = self.limit
        return Ack(wanted, distance(wanted, self.limit))

    def worth_telling(self):
        return 2 * distance(self.told, self.limit) >= self.capacity


def pauses(first):
    while True:
        yield min(first, 60.0)
        first *= 2


class Spender:
    def __init__(self, *, probe_after, limit):
        self.probe_after = probe_after
        self.limit = limit
        self._stop()

    def _stop(self):
        self.timer = None
        self.pauses = pauses(self.probe_after)

    def may_send(self, number):
        return before(number, self.limit)

    def receive(self, ack):
        granted = add(ack.number, ack.credit)
        if before(self.limit, granted):
            self.limit = granted
            self._stop()

    def blocked(self, *, now):
        if self.timer is None:
            self.timer = now + next(self.pauses)

    def next_timer(self):
        return self.timer

    def handle_timer(self, *, now):
        if self.timer is None or now < self.timer:
            return None
        self.timer = now + next(self.pauses)
        return Probe(self.limit)
