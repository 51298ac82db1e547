"""A window that does not wait for the timer when three acknowledgements in a row want the same number."""

from collections import OrderedDict

from netstack.flow.messages import Data
from netstack.flow.sequence import add, before, distance


class WindowFull(Exception):
    pass


class Sender:
    def __init__(self, *, size, timeout, first=0):
        self.size = size
        self.timeout = timeout
        self.oldest = self.next_number = first
        self.unacknowledged = OrderedDict()
        self.timer = None
        self.last_ack = None
        self.said_again = 0

    @property
    def in_flight(self):
        return len(self.unacknowledged)

    def may_send(self):
        return distance(self.oldest, self.next_number) < self.size

    def send(self, payload, *, now):
        if not self.may_send():
            raise WindowFull(self.size)
        data = self.unacknowledged[self.next_number] = Data(self.next_number, payload)
        self.next_number = add(self.next_number, 1)
        if self.timer is None:
            self.timer = now + self.timeout
        return data

    def receive(self, ack, *, now):
        if before(self.next_number, ack.number):
            return 0
        if not before(self.oldest, ack.number):
            self._count_repeats(ack, now)
            return 0
        news = distance(self.oldest, ack.number)
        for _ in range(news):
            self.unacknowledged.popitem(last=False)
        self.oldest = ack.number
        self.last_ack, self.said_again = ack, 0
        self.timer = now + self.timeout if self.unacknowledged else None
        return news

    def _count_repeats(self, ack, now):
        """The same words again mean that something has come, and that it was not the oldest."""
        if ack == self.last_ack and self.unacknowledged:
            self.said_again += 1
            if self.said_again == 3:
                self.timer = now

    def next_timer(self):
        return self.timer

    def handle_timer(self, *, now):
        if self.timer is None or now < self.timer:
            return None
        self.timer = now + self.timeout
        return next(iter(self.unacknowledged.values()))


class Receiver:
    def __init__(self, *, size, first=0):
        self.size = size
        self.wanted = first
        self.early = []

    def receive(self, data):
        known = {each.number for each in self.early}
        if 0 <= distance(self.wanted, data.number) < self.size and data.number not in known:
            self.early.append(data)
            self.early.sort(key=lambda each: distance(self.wanted, each.number))
        ready = []
        while self.early and self.early[0].number == self.wanted:
            ready.append(self.early.pop(0).payload)
            self.wanted = add(self.wanted, 1)
        return ready
