"""A sender that keeps the whole stream from `unacknowledged` on, and a list of where it has been cut."""

from segment import Segment


class Sender:
    def __init__(self, *, first, mss, round_trip, congestion):
        self.mss, self.clock, self.path = mss, round_trip, congestion
        self.unacknowledged = self.next = self.limit = first
        self.origin = first  # the number of stream[0]
        self.stream = bytearray()
        self.end = None  # the number of the FIN
        self.closed = False
        self.cuts = []  # [start, end, sent at, times sent] of each segment under way
        self.repeat = False
        self.alarm = self.question_at = None
        self.pause = 0.0
        self.question = False

    @property
    def unsent(self):
        return self.origin + len(self.stream) - min(self.next, self.origin + len(self.stream))

    def write(self, data):
        self.stream += data

    def close(self):
        self.closed = True
        self.end = self.origin + len(self.stream)

    def acknowledge(self, number, window, *, bare, now):
        if number > self.next:
            return
        if self.unacknowledged < number:
            self.forget(number, now)
        elif bare and self.cuts and number == self.unacknowledged and number + window == self.limit:
            asked = self.path.duplicate(in_flight=self.next - self.unacknowledged, following=self.next)
            self.repeat = self.repeat or asked
        if number + window > self.limit:
            self.limit = number + window
            self.question_at = None

    def forget(self, number, now):
        count = number - self.unacknowledged
        self.unacknowledged = number
        gone = [cut for cut in self.cuts if cut[1] <= number]
        self.cuts = [cut for cut in self.cuts if cut[1] > number]
        if gone and max(cut[3] for cut in gone) == 1:
            self.clock.sample(now - gone[-1][2])
        self.repeat = self.path.acknowledged(number, count) and self.cuts != []
        self.alarm = now + self.clock.timeout if self.cuts else None
        base = self.cuts[0][0] if self.cuts else number
        passed = min(base - self.origin, len(self.stream))
        del self.stream[:passed]
        self.origin += passed

    def piece(self, start, end):
        fin = self.end is not None and end > self.end
        return Segment(start, bytes(self.stream[start - self.origin : end - fin - self.origin]), fin)

    def segments(self, *, now):
        out = []
        if self.repeat and self.cuts:
            cut = self.cuts[0]
            cut[2], cut[3] = now, cut[3] + 1
            out.append(self.piece(cut[0], cut[1]))
        self.repeat = False
        while self.fresh() > self.next:
            cut = [self.next, self.fresh(), now, 1]
            self.cuts.append(cut)
            self.next = cut[1]
            out.append(self.piece(cut[0], cut[1]))
        if self.cuts and self.alarm is None:
            self.alarm = now + self.clock.timeout
        waits = self.unsent > 0 or (self.closed and self.next <= self.end)
        if self.cuts or not waits:
            self.question_at, self.question = None, False
        elif self.question_at is None:
            self.pause, self.question = self.clock.timeout, False
            self.question_at = now + self.pause
        if self.question:
            self.question = False
            out.append(Segment(self.unacknowledged - 1))
        return out

    def fresh(self):
        """Where the next new segment ends; `next` when there is none."""
        room = min(self.limit, self.unacknowledged + self.path.window)
        last = self.origin + len(self.stream)
        end = min(last, self.next + self.mss, room)
        if self.closed and self.next <= self.end == end < room:
            return end + 1
        full = end - self.next == self.mss
        return end if end > self.next and (full or end == last or not self.cuts) else self.next

    def next_timer(self):
        times = [at for at in (self.alarm, self.question_at) if at is not None]
        return min(times) if times else None

    def handle_timer(self, *, now):
        if self.alarm is not None and self.alarm <= now:
            self.path.timed_out(in_flight=self.next - self.unacknowledged, following=self.next)
            self.clock.back_off()
            self.alarm = now + self.clock.timeout
            self.repeat = True
        if self.question_at is not None and self.question_at <= now:
            self.question = True
            self.pause = min(60.0, 2 * self.pause)
            self.question_at = now + self.pause
