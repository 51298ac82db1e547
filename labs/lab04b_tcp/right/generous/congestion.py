"""NewReno with its states named: `calm`, `fast`, `slow` (after a timeout)."""


class Congestion:
    def __init__(self, mss, initial):
        self.mss, self.window = mss, initial
        self.threshold = None
        self.state, self.recover = "calm", 0
        self.same = self.credit = 0

    def acknowledged(self, number, count):
        self.same = 0
        full = number >= self.recover
        if self.state == "fast":
            if full:
                self.state, self.window = "calm", self.threshold
            else:
                self.window = max(0, self.window - count) + self.mss
            return not full
        if self.threshold is None or self.window < self.threshold:
            self.window += min(count, self.mss)
        else:
            self.credit += count
            if self.credit >= self.window:
                self.credit -= self.window
                self.window += self.mss
        again = self.state == "slow" and not full
        if full:
            self.state = "calm"
        return again

    def half(self, in_flight):
        return max(in_flight // 2, 2 * self.mss)

    def duplicate(self, *, in_flight, following):
        self.same += 1
        if self.state == "fast":
            self.window += self.mss
        elif self.state == "calm" and self.same == 3:
            self.threshold = self.half(in_flight)
            self.window = self.threshold + 3 * self.mss
            self.state, self.recover, self.credit = "fast", following, 0
            return True
        return False

    def timed_out(self, *, in_flight, following):
        if self.state != "slow":
            self.threshold = self.half(in_flight)
        self.state, self.recover = "slow", following
        self.window, self.credit, self.same = self.mss, 0, 0
