"""A window that counts without end: a number from the wire is the count nearest to what is expected."""

from netstack.flow.messages import Data

CIRCLE = 2**32


def nearest(number, expected):
    """The count that looks like `number` on the wire and lies nearest to `expected`."""
    guess = expected - expected % CIRCLE + number
    return min((guess - CIRCLE, guess, guess + CIRCLE), key=lambda count: abs(count - expected))


class WindowFull(Exception):
    pass


class Sender:
    def __init__(self, *, size, timeout, first=0):
        self.size, self.timeout = size, timeout
        self.acked = self.sent = first
        self.payloads = {}
        self.deadline = None

    @property
    def next_number(self):
        return self.sent % CIRCLE

    @property
    def in_flight(self):
        return self.sent - self.acked

    def may_send(self):
        return self.in_flight < self.size

    def send(self, payload, *, now):
        if self.in_flight >= self.size:
            raise WindowFull
        self.payloads[self.sent] = payload
        self.sent += 1
        self.deadline = self.deadline or now + self.timeout
        return self._data(self.sent - 1)

    def _data(self, count):
        return Data(count % CIRCLE, self.payloads[count])

    def receive(self, ack, *, now):
        upto = nearest(ack.number, self.acked)
        if not self.acked < upto <= self.sent:
            return 0
        news = upto - self.acked
        for count in range(self.acked, upto):
            del self.payloads[count]
        self.acked = upto
        self.deadline = now + self.timeout if self.payloads else None
        return news

    def next_timer(self):
        return self.deadline

    def handle_timer(self, *, now):
        if self.deadline is None or now < self.deadline:
            return None
        self.deadline = now + self.timeout
        return self._data(self.acked)


class Receiver:
    def __init__(self, *, size, first=0):
        self.size = size
        self.next = first
        self.places = [None] * size  # place n is for the count next + n

    @property
    def wanted(self):
        return self.next % CIRCLE

    def receive(self, data):
        place = nearest(data.number, self.next) - self.next
        if not 0 <= place < self.size:
            return []
        self.places[place] = data.payload
        ready = []
        while self.places[0] is not None:
            ready.append(self.places.pop(0))
            self.places.append(None)
        self.next += len(ready)
        return ready
