"""Everything about one name in one record; a heap of what is due."""

import heapq
import struct

LIFETIME = 30.0
QUERY_EVERY = 0.5
QUERIES = 3
MESSAGE = struct.Struct("!B16s")  # struct fills up with zeros by itself


class Record:
    def __init__(self):
        self.address = None
        self.good_until = float("-inf")
        self.asked = None  # how often in this search; None: no search


class Neighbours:
    def __init__(self, name):
        self.name = name.encode()
        self.records = {}
        self.due = []  # (time, name); entries of searches that have ended are passed over

    def record(self, name):
        return self.records.setdefault(name, Record())

    def address_of(self, name, *, now):
        record = self.record(name)
        return record.address if now < record.good_until else None

    def search(self, name, *, now):
        record = self.record(name)
        if record.asked is None:
            record.asked = 0
            heapq.heappush(self.due, (now, name))

    def searching(self, name):
        return self.record(name).asked is not None

    def receive(self, source, message, *, now):
        if len(message) < MESSAGE.size:
            return None
        kind, filled = MESSAGE.unpack_from(message)
        name = filled.rstrip(b"\0")
        if kind == 1 and name == self.name:
            return MESSAGE.pack(2, self.name)
        if kind == 2 and name:
            try:
                record = self.record(name.decode())
            except UnicodeDecodeError:
                return None
            record.address, record.good_until, record.asked = source, now + LIFETIME, None
            self.due = [entry for entry in self.due if entry[1] != name.decode()]
            heapq.heapify(self.due)
        return None

    def next_timer(self):
        return self.due[0][0] if self.due else None

    def handle_timer(self, *, now):
        messages = []
        while self.due and self.due[0][0] <= now:
            _, name = heapq.heappop(self.due)
            record = self.record(name)
            if record.asked >= QUERIES:
                record.asked = None
                continue
            record.asked += 1
            messages.append(MESSAGE.pack(1, name.encode()))
            heapq.heappush(self.due, (now + QUERY_EVERY, name))
        return messages
