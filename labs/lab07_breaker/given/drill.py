"""What unit checks hand to your classes, and how they put them through their paces, many calls at a time."""


class Notebook:
    """Somebody who is told of changes, and keeps them; of a breaker that is watched, also where it stood then."""

    def __init__(self) -> None:
        self.heard = []
        self.changes = []
        self.seen = []
        self._watched = None

    def watch(self, breaker) -> None:
        """Look at this one whenever something is told."""
        self._watched = breaker

    def __call__(self, told) -> None:
        self.heard.append(told)
        self.changes.append(told.after)
        if self._watched is not None:
            self.seen.append(self._watched.state)


class Draws:
    """Gives these values, one after another: what a jitter draws."""

    def __init__(self, values) -> None:
        self._values = list(values)

    def __call__(self) -> float:
        return self._values.pop(0)


def attempts(budget, *, calls: int, begin: float, every: float) -> int:
    """How many attempts are made at a host that is dead, if each call is tried again as long as it may be."""
    made = 0
    for number in range(calls):
        now = begin + number * every
        budget.request(now=now)
        made += 1
        while budget.may_retry(now=now) and made <= 10 * calls:
            made += 1
    return made


def retries(budget, *, wanted: int, now: float) -> int:
    """How many of so many retries may be made now."""
    return sum(budget.may_retry(now=now) for _ in range(wanted))


def requests(budget, *, count: int, now: float) -> None:
    """So many requests are made, for the first time."""
    for _ in range(count):
        budget.request(now=now)


def calls(breaker, ends: str, *, now: float) -> int:
    """One call for each letter: it asks, and if it may pass, it ends well (`s`), fails (`f`), or neither (`a`).

    Returns how many passed.
    """
    passed = 0
    for end in ends:
        if breaker.may_pass(now=now):
            passed += 1
            getattr(breaker, {"s": "succeeded", "f": "failed", "a": "abandoned"}[end])(now=now)
    return passed


def asks(breaker, *, count: int, now: float) -> list[bool]:
    """What so many who ask at the same moment hear."""
    return [breaker.may_pass(now=now) for _ in range(count)]
