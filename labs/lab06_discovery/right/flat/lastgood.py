"""The last good answer, where avoided instances are forgotten again, and the pause is a generator."""

from collections.abc import Iterator


class LastGood:
    """The last good answer of a registry."""

    def __init__(self, *, refresh_every: float = 30.0, retry_after: float = 1.0, avoided_for: float = 10.0) -> None:
        self.instances = ()
        self.refresh_every, self.retry_after, self.avoided_for = refresh_every, retry_after, avoided_for
        self.pauses = self.growing()
        self.ask_at = 0.0
        self.avoided = {}

    def growing(self) -> Iterator[float]:
        """Each twice as long as the one before, up to a bound."""
        pause = self.retry_after
        while True:
            yield min(pause, self.refresh_every)
            pause = min(2 * pause, self.refresh_every)

    def answered(self, instances, *, now: float) -> None:
        """Somebody, or nobody."""
        found = tuple(instances)
        if not found:
            return self.failed(now=now)
        self.instances, self.pauses, self.ask_at = found, self.growing(), now + self.refresh_every
        return None

    def failed(self, *, now: float) -> None:
        """Nothing was heard."""
        self.ask_at = now + next(self.pauses)

    def next_timer(self) -> float:
        """When to ask."""
        return self.ask_at

    def unreachable(self, instance, *, now: float) -> None:
        """Avoid it."""
        self.avoided[instance] = now + self.avoided_for

    def is_usable(self, instance, *, now: float) -> bool:
        """Not avoided, or not any more."""
        self.avoided = {who: until for who, until in self.avoided.items() if until > now}
        return instance not in self.avoided
