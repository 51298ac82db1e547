"""Is anybody still there? Asking after a long silence (RFC 1122, 4.2.3.6; RFC 9293, 3.8.4). Off unless asked for."""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Keepalive:
    """After `idle` seconds without a word ask, every `interval` seconds, `probes` times. `idle` None: never."""

    idle: float | None
    interval: float
    probes: int
    at: float | None = None
    """When to ask next."""
    _asked: int = 0

    def heard(self, *, now: float) -> None:
        """The other side has said something."""
        self._asked, self.at = 0, None if self.idle is None else now + self.idle

    def is_due(self, *, now: float) -> bool:
        """Whether it is time to ask."""
        return self.at is not None and now >= self.at

    def ask(self, *, now: float) -> bool:
        """Whether to ask once more; False when it has been asked often enough, in vain."""
        self._asked += 1
        self.at = now + self.interval
        return self._asked <= self.probes

    def postpone(self, *, now: float) -> None:
        """Something else is under way that must be answered, so there is no need to ask."""
        self.at = now + self.interval
