"""RFC 6298 with Linux's floor, the timeout kept as a plain number."""


class RoundTrip:
    def __init__(self, *, least=0.2, most=120.0, first=1.0):
        self.least, self.most = least, most
        self.timeout = first
        self.average = self.deviation = None

    def sample(self, seconds):
        if self.average is None:
            self.average, self.deviation = seconds, seconds / 2
        else:
            self.deviation = (3 * self.deviation + abs(self.average - seconds)) / 4
            self.average = (7 * self.average + seconds) / 8
        self.timeout = min(self.most, self.average + max(self.least, 4 * self.deviation))

    def back_off(self):
        self.timeout = min(2 * self.timeout, self.most)
