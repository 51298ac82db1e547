"""What a client believes about who is there, when nobody can be asked.

So far it believes whatever it has heard last, and nothing when it has not heard. The handout, step 6, says what to
write.
"""


class LastGood:
    """The last good answer of a registry. Times are seconds."""

    def __init__(self, *, refresh_every: float = 30.0, retry_after: float = 1.0, avoided_for: float = 10.0) -> None:
        self.instances = ()
        self._refresh_every = refresh_every
        self._ask_at = 0.0

    def answered(self, instances, *, now: float) -> None:
        """The registry has answered."""
        self.instances = tuple(instances)
        self._ask_at = now + self._refresh_every

    def failed(self, *, now: float) -> None:
        """The registry has not answered."""
        self.instances = ()
        self._ask_at = now + self._refresh_every

    def next_timer(self) -> float:
        """When the registry should be asked next."""
        return self._ask_at

    def unreachable(self, instance, *, now: float) -> None:
        """Nobody answered where `instance` should be."""

    def is_usable(self, instance, *, now: float) -> bool:
        """Whether it makes sense to call `instance` now."""
        return True
