"""Credit in counts without end; the wire sees them modulo 2**32."""

from window import CIRCLE, nearest

from netstack.flow.messages import Ack, Probe


class Granter:
    def __init__(self, *, capacity, first=0):
        self.capacity, self.first = capacity, first
        self.read = 0
        self.read_when_told = 0

    @property
    def limit(self):
        return (self.first + self.read + self.capacity) % CIRCLE

    def consumed(self, total):
        self.read = total

    def ack(self, wanted):
        self.read_when_told = self.read
        return Ack(wanted, (self.limit - wanted) % CIRCLE)

    def worth_telling(self):
        return self.read - self.read_when_told >= self.capacity / 2


class Spender:
    def __init__(self, *, probe_after, limit):
        self.probe_after = probe_after
        self.limit = limit
        self.probes = 0
        self.due = None

    def may_send(self, number):
        return nearest(number, self.limit) < self.limit

    def receive(self, ack):
        limit = nearest(ack.number, self.limit) + ack.credit
        if limit > self.limit:
            self.limit = limit
            self.due = None

    def blocked(self, *, now):
        if self.due is None:
            self.probes = 0
            self.due = now + self.probe_after

    def next_timer(self):
        return self.due

    def handle_timer(self, *, now):
        if self.due is None or now < self.due:
            return None
        self.probes += 1
        self.due = now + min(60.0, self.probe_after * 2**self.probes)
        return Probe(self.limit % CIRCLE)
