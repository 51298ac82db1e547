"""Alerts: a thousand that say the same are one.

When a component fails, every breaker that guards it opens, in every client, within seconds of each other. Whoever is on
call needs one message that names the component, how many are affected, and since when; and one more when it is over.

Alerts about the same target within `gather` seconds are put together; after the first, further ones only count. The
group is over when every circuit that opened has closed again, or when none has been heard of for `silence` seconds.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody is told: `target` has failed, as seen by so many `sources`, or it is `over`. Times are seconds."""

    target: str
    since: float
    sources: int
    over: bool = False


@dataclass(slots=True)
class _Group:
    since: float
    heard_at: float
    open: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    told: bool = False


@dataclass(slots=True, kw_only=True)
class Alerts:
    """Groups what breakers report, by target."""

    gather: float = 5.0
    silence: float = 300.0
    _groups: dict[str, _Group] = field(default_factory=dict)

    def opened(self, target: str, source: str, *, now: float) -> None:
        """A circuit to `target` has opened at `source`, or opened again."""
        group = self._groups.setdefault(target, _Group(now, now))
        group.heard_at = now
        group.open.add(source)
        group.seen.add(source)

    def closed(self, target: str, source: str, *, now: float) -> None:
        """That circuit has closed."""
        if (group := self._groups.get(target)) is not None:
            group.heard_at = now
            group.open.discard(source)

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        return min((self._due(group) for group in self._groups.values()), default=None)

    def _due(self, group: _Group) -> float:
        if not group.told:
            return group.since + self.gather
        return group.heard_at if not group.open else group.heard_at + self.silence

    def handle_timer(self, *, now: float) -> list[Message]:
        """What must be told now."""
        messages = []
        for target, group in list(self._groups.items()):
            if now < self._due(group):
                continue
            if not group.told:
                group.told = True
                messages.append(Message(target, group.since, len(group.seen)))
            if now >= self._due(group):
                messages.append(Message(target, group.since, len(group.seen), over=True))
                del self._groups[target]
        return messages
