"""A byte is a byte: what is early lies in a dictionary, byte by byte."""


class Reassembler:
    def __init__(self, wanted):
        self.wanted = wanted
        self.early = {}

    @property
    def has_gap(self):
        return len(self.early) > 0

    def receive(self, start, data):
        for number, byte in enumerate(data, start):
            if number >= self.wanted:
                self.early.setdefault(number, byte)
        ready = bytearray()
        while self.wanted in self.early:
            ready.append(self.early.pop(self.wanted))
            self.wanted += 1
        return bytes(ready)
