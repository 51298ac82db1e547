"""A receiver that keeps the edge as its only state of the window, and the times of acknowledgements as flags."""


class Receiver:
    def __init__(self, *, reassembler, capacity, mss, delay):
        self.pieces, self.capacity, self.mss, self.delay = reassembler, capacity, mss, delay
        self.edge = reassembler.wanted + min(capacity, 65535)
        self.read_up_to = reassembler.wanted  # in the stream, without the FIN
        self.last = None
        self.told = reassembler.wanted
        self.ack_at = None

    @property
    def ended(self):
        return self.last is not None and self.pieces.wanted == self.last

    @property
    def wanted(self):
        return self.pieces.wanted + (1 if self.ended else 0)

    def receive(self, start, payload, fin, *, now):
        end = start + len(payload)
        edge = max(self.edge, self.wanted)
        cut = end > edge
        if cut:
            payload, fin = payload[: max(0, edge - start)], False
        was_ended, expected, gap = self.ended, self.pieces.wanted, self.pieces.has_gap
        ready = self.pieces.receive(start, payload)
        if fin:
            self.last = end
        plain = start == expected and payload == ready and not gap and not cut
        if not plain or (self.ended and not was_ended) or self.pieces.wanted - self.told >= 2 * self.mss:
            self.ack_at = now
        elif ready and self.ack_at is None:
            self.ack_at = now + self.delay
        return ready

    def read(self, count, *, now):
        self.read_up_to += count
        window = max(0, self.edge - self.wanted)
        new = self.new_edge() - self.wanted
        if new >= max(1, 2 * window) and new > window:
            self.ack_at = now

    def acknowledge(self, *, now):
        self.ack_at = now

    def new_edge(self):
        possible = self.wanted + self.capacity - (self.pieces.wanted - self.read_up_to)
        worth = possible - max(self.edge, self.wanted) >= min(self.mss, self.capacity // 2)
        return possible if worth else max(self.edge, self.wanted)

    def announce(self, scale):
        window = self.new_edge() - self.wanted
        field = min(65535, (window + (1 << scale) - 1) // (1 << scale))
        self.edge = self.wanted + field * (1 << scale)
        self.told, self.ack_at = self.pieces.wanted, None
        return field
