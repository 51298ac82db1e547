"""What a client believes about who is there, when nobody can be asked."""


class LastGood:
    """The last good answer of a registry. Times are seconds."""

    def __init__(self, *, refresh_every: float = 30.0, retry_after: float = 1.0, avoided_for: float = 10.0) -> None:
        self.instances = ()
        self._refresh_every = refresh_every
        self._retry_after = retry_after
        self._avoided_for = avoided_for
        self._pause = retry_after
        self._ask_at = 0.0
        self._avoided = {}  # instance -> until when

    def answered(self, instances, *, now: float) -> None:
        """The registry has answered."""
        instances = tuple(instances)
        if not instances:
            self.failed(now=now)
            return
        self.instances = instances
        self._pause = self._retry_after
        self._ask_at = now + self._refresh_every

    def failed(self, *, now: float) -> None:
        """The registry has not answered."""
        self._ask_at = now + min(self._pause, self._refresh_every)
        self._pause = min(2 * self._pause, self._refresh_every)

    def next_timer(self) -> float:
        """When the registry should be asked next."""
        return self._ask_at

    def unreachable(self, instance, *, now: float) -> None:
        """Nobody answered where `instance` should be."""
        self._avoided[instance] = now + self._avoided_for

    def is_usable(self, instance, *, now: float) -> bool:
        """Whether it makes sense to call `instance` now."""
        return instance not in self._avoided or now >= self._avoided[instance]
