"""Programs that get no processor for a while, as after `kill -STOP`: what waits for them, and what is lost meanwhile.

Pure. A program that is paused takes no turns. What a host's TCP/IP or an application port has for it waits, for that is
kept elsewhere; of the frames that arrive for its packet sockets only so many wait as there is room for.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from labs.testbed.channel import Frame, Message
from labs.testbed.scene import Pause

Member = tuple[str, str]
"""A host's name, and a program's on it."""


@dataclass(slots=True)
class Pausing:
    """The `pauses` of a play's programs, and what waits for those that are paused. Times are nanoseconds."""

    pauses: Mapping[Member, tuple[Pause, ...]] = field(default_factory=dict)
    _waiting: dict[Member, list[Message]] = field(default_factory=dict)
    _until: dict[Member, int] = field(default_factory=dict)

    def wakes_at(self, member: Member, wants: int) -> int:
        """When a program takes its next turn that wants to take it at `wants`, if nothing arrives before."""
        if member not in self.pauses:
            return wants
        if member in self._waiting:
            return self._until[member]
        pause = self._pause(member, wants)
        return pause.end if pause else wants

    def arrive(self, member: Member, arrived: list[Message], *, now: int) -> list[Message] | None:
        """Take in what has arrived for a program; return all that it is to be told now, or None while it is paused."""
        if member not in self.pauses:
            return arrived
        known = [*self._waiting.pop(member, ()), *arrived]
        pause = self._pause(member, now)
        if pause is None:
            return known
        if known:
            self._waiting[member], self._until[member] = list(_as_many(known, pause.room)), pause.end
        return None

    def _pause(self, member: Member, at: int) -> Pause | None:
        return next((pause for pause in self.pauses.get(member, ()) if pause.begin <= at < pause.end), None)


def _as_many(messages: Iterable[Message], room: int) -> Iterator[Message]:
    """All but the frames beyond the first `room`."""
    for message in messages:
        room -= isinstance(message, Frame)
        if room >= 0 or not isinstance(message, Frame):
            yield message
