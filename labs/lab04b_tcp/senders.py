"""What the unit scripts of steps 7 to 10 have in common: a sender, its segments, and what it hears."""

from collections.abc import Sequence
from dataclasses import dataclass

from labs.lab04b_tcp.given.segment import Segment
from labs.testbed.unit import Script

FIRST, MSS = 1_000, 100
STREAM = bytes(range(256)) * 40


@dataclass(slots=True)
class Dialogue:
    """A unit script about a sender `s`, which writes `STREAM` from the number `FIRST` on in segments of `MSS` bytes."""

    script: Script
    now: float = 1.0
    _written: int = 0

    def begin(self, path: str = "Boundless", window: int = 1 << 40) -> None:
        """Make the sender, with a path that lets `window` bytes be under way."""
        clock = {"least": 0.2, "most": 60.0, "first": 1.0}
        timer = self.script.make("netstack.tcp.rtt.RoundTrip", store="clock", keywords=clock)
        road = self.script.make(f"paths.{path}", MSS, window, store="path")
        terms = {"first": FIRST, "mss": MSS, "round_trip": timer, "congestion": road}
        self.script.make("sender.Sender", store="s", keywords=terms)
        self._written = 0

    def write(self, count: int) -> None:
        """The user writes the next `count` bytes."""
        data = STREAM[self._written : self._written + count]
        self._written += count
        self.script.call("s.write", data, because=f"the user writes {count} bytes", label="write")

    def close(self) -> None:
        """The user writes no more."""
        self.script.call("s.close", because="the user writes no more", label="close")

    def hear(self, number: int, window: int, *, bare: bool = True) -> None:
        """The other side acknowledges all before `number` (from 0), and has room for `window` bytes more."""
        said = f"it says: all before {FIRST + number} is here, room for {window}" + (
            "" if bare else ", and data with it"
        )
        keywords = {"bare": bare, "now": self.now}
        self.script.call("s.acknowledge", FIRST + number, window, keywords=keywords, because=said, label="hear")

    def expect(self, wanted: Sequence[Segment], because: str, label: str) -> None:
        """These, and nothing else, are to go now."""
        self.script.call("s.segments", keywords={"now": self.now}, returns=list(wanted), because=because, label=label)

    def timer(self, at: float | None, because: str, label: str) -> None:
        """The sender wants to be woken at that time."""

        def is_right(found: object) -> bool:
            return found is None if at is None else isinstance(found, float | int) and abs(found - at) < 1e-9

        when = "never" if at is None else f"at {at:.6g} s"
        self.script.call("s.next_timer", returns=is_right, because=f"{when}: {because}", label=label)

    def wake(self, at: float, because: str = "its time has come") -> None:
        """The host calls at that time."""
        self.now = at
        self.script.call("s.handle_timer", keywords={"now": at}, because=because, label="wake")

    def heard(self, *wanted: tuple[str, int, int], because: str, label: str) -> None:
        """This, and nothing else, has the path `Recording` been told."""
        self.script.get("path.heard", returns=list(wanted), because=because, label=label)


def piece(begin: int, end: int, *, fin: bool = False) -> Segment:
    """The segment with the bytes from `begin` to `end` (from 0)."""
    return Segment(FIRST + begin, STREAM[begin:end], fin)


def question(una: int) -> Segment:
    """What asks whether there is room, when all before `una` (from 0) has arrived."""
    return Segment(FIRST + una - 1)
