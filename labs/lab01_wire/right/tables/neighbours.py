"""Known addresses, and for each name sought a list of the times at which there is something to do."""

LIFETIME = 30.0
QUERY_EVERY = 0.5
QUERIES = 3


def message(kind, name):
    return bytes([kind]) + name.encode() + bytes(16 - len(name.encode()))


class Neighbours:
    def __init__(self, name):
        self.mine = message(2, name)
        self.known = {}
        self.plans = {}

    def address_of(self, name, *, now):
        found = [address for address, until in [self.known.get(name, (None, now))] if now < until]
        return found[0] if found else None

    def search(self, name, *, now):
        if name not in self.plans:
            self.plans[name] = [now + turn * QUERY_EVERY for turn in range(QUERIES + 1)]  # the last: to give up

    def searching(self, name):
        return name in self.plans

    def receive(self, source, heard, *, now):
        heard = heard[:17]
        if len(heard) < 17:
            return None
        if heard[0] == 1:
            return self.mine if heard[1:] == self.mine[1:] else None
        if heard[0] == 2:
            try:
                name = heard[1:].rstrip(b"\0").decode()
            except ValueError:
                return None
            self.known[name] = source, now + LIFETIME
            self.plans.pop(name, None)
        return None

    def next_timer(self):
        return min((times[0] for times in self.plans.values()), default=None)

    def handle_timer(self, *, now):
        due = [name for name, times in self.plans.items() if times[0] <= now]
        for name in due:
            left = len(self.plans[name]) - 1
            self.plans[name] = [now + turn * QUERY_EVERY for turn in range(1, left + 1)]
        asked = [message(1, name) for name in due if self.plans[name]]
        self.plans = {name: times for name, times in self.plans.items() if times}
        return asked
