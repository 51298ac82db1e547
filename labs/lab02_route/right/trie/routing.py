"""Distance vectors in three dictionaries: how far, by which link, until when it is believed."""

import math

from netstack.packet import Entry


class DistanceVector:
    def __init__(self, *, own, period=30.0, timeout=180.0):
        self._own, self._period, self._timeout = dict(own), period, timeout
        self._failed = set()
        self._far, self._by, self._until = {}, {}, {}
        self._next = 0.0

    def receive(self, link, vector, *, now):
        news = link in self._failed
        self._failed -= {link}
        for entry in vector:
            name = entry.network
            if name in self._own.values():
                continue
            far, before = min(16, 1 + entry.metric), self._far.get(name, 16)
            if self._by.get(name) == link or far < before:
                self._far[name], self._by[name] = far, link
                self._until[name] = now + self._timeout if far < 16 else math.inf
                news = news or far != before
        if news:
            self._next = now

    def link_down(self, link, *, now):
        self._failed |= {link}
        self._lose([name for name, by in self._by.items() if by == link])
        self._next = now

    def next_timer(self):
        return min([self._next, *self._until.values()])

    def handle_timer(self, *, now):
        old = [name for name, until in self._until.items() if until <= now]
        self._lose(old)
        if not old and now < self._next:
            return {}
        self._next = now + self._period
        return {link: self.vector(link) for link in self._own}

    def vector(self, link):
        learnt = [Entry(name, 16 if self._by[name] == link else far) for name, far in self._far.items()]
        return learnt + [Entry(name, 16 if number in self._failed else 1) for number, name in self._own.items()]

    def ways_out(self):
        ways = {name: self._by[name] for name, far in self._far.items() if far < 16}
        return ways | {name: link for link, name in self._own.items() if link not in self._failed}

    def _lose(self, names):
        for name in names:
            self._far[name], self._until[name] = 16, math.inf
