"""Distance vectors in one table: a router's own networks are rows like others, that never grow old and are never sold.

What is at 16 is a row too, whatever is said of it first; a router may say of a network that it has heard of it and does
not reach it.
"""

from dataclasses import dataclass

from netstack.packet import Entry

INFINITY = 16
NEVER = float("inf")


@dataclass
class Row:
    metric: int
    link: int
    believed_until: float
    own: bool = False


class DistanceVector:
    def __init__(self, *, own, period, timeout):
        self.rows = {network: Row(1, link, NEVER, own=True) for link, network in own.items()}
        self.links = list(own)
        self.period, self.timeout = period, timeout
        self.spoke_at, self.news_at = None, None

    def receive(self, link, vector, *, now):
        for row in self.rows.values():
            if row.own and row.link == link:
                self.change(row, 1, now)
        for entry in vector:
            row = self.rows.setdefault(entry.network, Row(INFINITY, link, NEVER))
            metric = min(INFINITY, entry.metric + 1)
            if row.own or (row.link != link and metric >= row.metric):
                continue
            row.link, row.believed_until = link, now + self.timeout if metric < INFINITY else NEVER
            self.change(row, metric, now)

    def link_down(self, link, *, now):
        for row in self.rows.values():
            if row.link == link:
                self.change(row, INFINITY, now)

    def change(self, row, metric, now):
        if metric != row.metric:
            row.metric, self.news_at = metric, now
        if metric == INFINITY:
            row.believed_until = NEVER

    def next_timer(self):
        regular = 0.0 if self.spoke_at is None else self.spoke_at + self.period
        news = NEVER if self.news_at is None else self.news_at
        return min(regular, news, *(row.believed_until for row in self.rows.values()))

    def handle_timer(self, *, now):
        if now < self.next_timer():
            return {}
        for row in self.rows.values():
            if row.believed_until <= now:
                self.change(row, INFINITY, now)
        self.spoke_at, self.news_at = now, None
        return {link: self.vector(link) for link in self.links}

    def vector(self, link):
        return [
            Entry(network, INFINITY if row.link == link and not row.own else row.metric)
            for network, row in self.rows.items()
        ]

    def ways_out(self):
        return {network: row.link for network, row in self.rows.items() if row.metric < INFINITY}
