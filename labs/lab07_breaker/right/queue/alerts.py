"""Whoever closes last writes the message, into a queue; the timer takes out what is due."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody is told: `target` has failed, as seen by so many `sources`, or it is `over`. Times are seconds."""

    target: str
    since: float
    sources: int
    over: bool = False


@dataclass(slots=True)
class Trouble:
    """A target that is in trouble."""

    since: float
    heard: float  # the last report
    is_told: bool = False
    ever: set[str] = field(default_factory=set)
    open: set[str] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class Alerts:
    """Groups what breakers report, by target."""

    gather: float = 5.0
    silence: float = 300.0
    _troubles: dict[str, Trouble] = field(default_factory=dict)
    _due: list[tuple[float, Message]] = field(default_factory=list)

    def opened(self, target: str, source: str, *, now: float) -> None:
        """A circuit to `target` has opened at `source`, or opened again."""
        trouble = self._troubles.setdefault(target, Trouble(now, now))
        trouble.heard = now
        trouble.ever.add(source)
        trouble.open.add(source)

    def closed(self, target: str, source: str, *, now: float) -> None:
        """That circuit has closed."""
        trouble = self._troubles.get(target)
        if trouble is None:
            return
        trouble.heard = now
        trouble.open.discard(source)
        if trouble.is_told and not trouble.open:
            self._due.append((now, self._over(target)))

    def next_timer(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        times = [at for at, _ in self._due]
        times += [self._timer(trouble) for trouble in self._troubles.values()]
        return min(times, default=None)

    def handle_timer(self, *, now: float) -> list[Message]:
        """What must be told now."""
        messages = [message for at, message in self._due if at <= now]
        self._due = [(at, message) for at, message in self._due if at > now]
        for target, trouble in list(self._troubles.items()):
            if not trouble.is_told and now >= trouble.since + self.gather:
                trouble.is_told = True
                messages.append(Message(target, trouble.since, len(trouble.ever)))
            if trouble.is_told and (not trouble.open or now >= trouble.heard + self.silence):
                messages.append(self._over(target))
        return messages

    def _timer(self, trouble: Trouble) -> float:
        return trouble.heard + self.silence if trouble.is_told else trouble.since + self.gather

    def _over(self, target: str) -> Message:
        trouble = self._troubles.pop(target)
        return Message(target, trouble.since, len(trouble.ever), over=True)
