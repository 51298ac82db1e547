"""The last good answer: what a client believes about who is there, when nobody can be asked.

Of all that a registry may say, "I do not know" is the least useful, and silence says no more. So whoever was there is
taken to be there still, until the registry says otherwise in so many words; an answer without anybody is none, for a
registry that has just come back knows nobody yet. That the belief may be wrong is found out by calling: where nobody
answers, nobody is called for a while, and somebody else is.

The same idea at work: `mesh.discovery.Found` keeps the answer, `mesh.policies.accrual` avoids who fails. Synapse calls
it `use_previous_backends`.
"""

from collections.abc import Hashable, Sequence


class LastGood:
    """The last good answer of a registry. Times are seconds."""

    def __init__(self, *, refresh_every: float = 30.0, retry_after: float = 1.0, avoided_for: float = 10.0) -> None:
        self.instances: tuple[Hashable, ...] = ()
        self._refresh_every, self._retry_after, self._avoided_for = refresh_every, retry_after, avoided_for
        self._pause = retry_after
        self._ask_at = 0.0
        self._avoided_until: dict[Hashable, float] = {}

    def answered(self, instances: Sequence[Hashable], *, now: float) -> None:
        """The registry has answered."""
        if not instances:
            self.failed(now=now)  # it has forgotten, or has just begun: ask again soon
            return
        self.instances = tuple(instances)
        self._pause, self._ask_at = self._retry_after, now + self._refresh_every

    def failed(self, *, now: float) -> None:
        """The registry has not answered."""
        self._ask_at = now + self._pause
        self._pause = min(2 * self._pause, self._refresh_every)

    def next_timer(self) -> float:
        """When the registry should be asked next."""
        return self._ask_at

    def unreachable(self, instance: Hashable, *, now: float) -> None:
        """Nobody answered where `instance` should be."""
        self._avoided_until[instance] = now + self._avoided_for

    def is_usable(self, instance: Hashable, *, now: float) -> bool:
        """Whether it makes sense to call `instance` now."""
        return now >= self._avoided_until.get(instance, now)
