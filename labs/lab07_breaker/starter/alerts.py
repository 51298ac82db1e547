"""Alerts.

So far everybody is told everything, at once. The handout, step 6, says what to write.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody is told: `target` has failed, as seen by so many `sources`, or it is `over`. Times are seconds."""

    target: str
    since: float
    sources: int
    over: bool = False


@dataclass(slots=True, kw_only=True)
class Alerts:
    """Groups what breakers report, by target."""

    gather: float = 5.0
    silence: float = 300.0
    _messages: list[Message] = field(default_factory=list)

    def opened(self, target: str, source: str, *, now: float) -> None:
        """A circuit to `target` has opened at `source`, or opened again."""
        self._messages.append(Message(target, now, 1))

    def closed(self, target: str, source: str, *, now: float) -> None:
        """That circuit has closed."""

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        return 0.0 if self._messages else None

    def handle_timer(self, *, now: float) -> list[Message]:
        """What must be told now."""
        messages, self._messages = self._messages, []
        return messages
