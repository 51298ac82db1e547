"""The wires of a play: which interface lies at the other end of each, what becomes of a frame, and the record of it.

Pure: it is handed `now`, and says what arrives where and when; whoever plays the scene sees to it that it does.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from labs.story.trace import FrameEvent, Recorder
from labs.testbed.scene import Interface, Link, Plan
from netstack.wire import Fate, Fault, ScriptError, Wire


@dataclass(frozen=True, slots=True)
class Arrival:
    """A frame that reaches `interface` at `at`."""

    at: int
    interface: Interface
    frame: bytes


@dataclass(slots=True, kw_only=True)
class Wiring:
    """Two wires for each link of `plan`, one a direction. All that is offered to them is recorded.

    Raises `ScriptError` for a fault that names none of them: it would do nothing, and nobody would notice.
    """

    plan: Plan
    recorder: Recorder
    classify: Callable[[bytes], str]
    script: tuple[Fault, ...] = ()
    seed: int = 0
    chance: bool = True
    _wires: dict[tuple[str, int], tuple[Wire, Interface]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for link in self.plan.links:
            for end, other in (link.ends, link.ends[::-1]):
                self._wires[end.host, end.number] = self._wire(link, end.host), other
        taken = {fault for wire, _ in self._wires.values() for fault in wire.script}
        for fault in self.script:
            if fault not in taken:
                names = {wire.link if fault.action == "cut" else wire.direction for wire, _ in self._wires.values()}
                raise ScriptError(f"{fault}: there is no {fault.direction}; there are {', '.join(sorted(names))}")

    def _wire(self, link: Link, sender: str) -> Wire:
        return Wire(
            direction=link.direction(sender),
            link=link.name,
            profile=link.profile,
            script=self.script,
            seed=self.seed,
            chance=self.chance,
            classify=self.classify() if isinstance(self.classify, type) else self.classify,
        )

    def wire(self, host: str, number: int) -> Wire:
        """The wire on which `host` sends on its link `number`."""
        return self._wires[host, number][0]

    def transmit(self, host: str, number: int, frame: bytes, *, now: int) -> Iterator[Arrival]:
        """Put `frame` on link `number` of `host`; raises `LookupError` when it has none of that number."""
        wire, other = self._wires[host, number]
        fate = wire.offer(frame, now=now)
        self.recorder.add(frame_event(now, wire.direction, frame, fate))
        for delivery in fate.deliveries:
            yield Arrival(delivery.at, other, delivery.frame)

    def unmet(self) -> tuple[Fault, ...]:
        """The scripted faults whose frame was never offered."""
        return tuple(fault for wire, _ in self._wires.values() for fault in wire.unmet())


def frame_event(now: int, direction: str, data: bytes, fate: Fate) -> FrameEvent:
    """The trace's record of a frame and its fate."""
    arrived = fate.deliveries[0].frame if fate.deliveries and fate.deliveries[0].frame != data else None
    return FrameEvent(
        now,
        direction,
        fate.kind,
        fate.index,
        data,
        fate.lost,
        tuple(map(str, fate.faults)),
        tuple(delivery.at for delivery in fate.deliveries),
        arrived,
    )
