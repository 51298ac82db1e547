"""A learning switch: joins several wires into one, and soon sends each frame only where its receiver is.

It looks at the sender of every frame to learn behind which port that address lives, and at the receiver to decide where
the frame goes: out of the port it has learned; out of all others while it has not, or when the frame is for everybody;
nowhere when the receiver lives where the frame came from. What it has learned it forgets after a while, so that a host
may move.

What always holds: a frame never goes back out of the port it came in by. What does not: with a loop of switches a
broadcast circles for ever, which is what the spanning tree (IEEE 802.1D) was invented for, and is left out here.
"""

from dataclasses import dataclass, field

FORGET_AFTER = 300.0  # seconds: IEEE 802.1D-2004, table 7-5, ageing time


@dataclass(slots=True, kw_only=True)
class Switch:
    """A switch with ports 0 to `ports` - 1. Times are seconds."""

    ports: int
    forget_after: float = FORGET_AFTER
    _learned: dict[bytes, tuple[int, float]] = field(default_factory=dict)

    def receive(self, port: int, frame: bytes, *, now: float) -> list[int]:
        """Take in a frame that came in by `port`; return the ports it goes out of."""
        if len(frame) < 14:
            return []  # no whole Ethernet header: no address to go by
        destination, source = frame[:6], frame[6:12]
        if not _is_group(source):
            self._learned[source] = (port, now)
        lives_at = None if _is_group(destination) else self._look_up(destination, now)
        if lives_at is None:
            return [other for other in range(self.ports) if other != port]
        return [lives_at] if lives_at != port else []

    def _look_up(self, address: bytes, now: float) -> int | None:
        port, seen = self._learned.get(address, (None, 0.0))
        return port if now - seen < self.forget_after else None


def _is_group(address: bytes) -> bool:
    """Whether an address stands for several stations: the lowest bit of its first byte (IEEE 802)."""
    return bool(address[0] & 1)
