"""Stop-and-wait that counts messages without end, and shows the wire only the last bit."""

from netstack.flow.messages import Ack, Data


class Busy(Exception):
    pass


class Sender:
    def __init__(self, timeout):
        self.timeout = timeout
        self.count = 0
        self.pending = None
        self.deadline = None

    def may_send(self):
        return self.pending is None

    def send(self, payload, *, now):
        if self.pending is not None:
            raise Busy
        self.pending = Data(self.count % 2, payload)
        self.deadline = now + self.timeout
        return self.pending

    def receive(self, ack, *, now):
        if self.pending is None or ack.number != (self.count + 1) % 2:
            return False
        self.count += 1
        self.pending = self.deadline = None
        return True

    def next_timer(self):
        return self.deadline

    def handle_timer(self, *, now):
        if self.deadline is not None and self.deadline <= now:
            self.deadline = now + self.timeout
            return self.pending
        return None


class Receiver:
    def __init__(self):
        self.taken = 0
        self.read = 0

    def receive(self, data):
        if self.taken > self.read or data.number != self.taken % 2:
            return None
        self.taken += 1
        return data.payload

    def consumed(self):
        self.read += 1

    def ack(self):
        return Ack(self.read % 2) if self.read == self.taken else None
