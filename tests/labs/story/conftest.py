"""A conversation over two wires, without any program: quick to make, and with every fate that a wire knows."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from labs.story.dissect import Fields
from labs.story.report import Chapter
from labs.story.trace import Event, Exit, FrameEvent, Line, Note, PortEvent, Trace
from labs.testbed.judge import Broken, Outcome, Told, Verdict
from labs.testbed.shrink import Shrunk
from labs.testbed.sim import Played
from netstack.wire import MILLISECOND, SECOND, Fate, Fault, Profile, Wire

PATIENCE = 60 * MILLISECOND  # until a sends an unacknowledged frame again
KINDS = ("data", "ack")


def classify(frame: bytes) -> str:
    return KINDS[frame[0]] if frame and frame[0] < len(KINDS) else "noise"


def record(now: int, direction: str, frame: bytes, fate: Fate) -> FrameEvent:
    arrived = fate.deliveries[0].frame if fate.deliveries and fate.deliveries[0].frame != frame else None
    faults, arrivals = tuple(map(str, fate.faults)), tuple(delivery.at for delivery in fate.deliveries)
    return FrameEvent(now, direction, fate.kind, fate.index, frame, fate.lost, faults, arrivals, arrived)


@dataclass
class Conversation:
    """a sends `count` payloads to b, each in a data frame of its own, again and again until b acknowledges it."""

    count: int
    window: int
    wires: dict[str, Wire]
    trace: Trace
    now: int = 0
    coming: list[tuple[int, int, str, bytes]] = field(default_factory=list)
    next: int = 0
    acknowledged: set[int] = field(default_factory=set)
    got: set[int] = field(default_factory=set)

    def play(self) -> Trace:
        self.fill_window()
        while self.coming and len(self.acknowledged) < self.count and self.now < 60 * SECOND:
            self.now, _, what, frame = heapq.heappop(self.coming)
            {"a-b": self.at_b, "b-a": self.at_a, "timer": self.at_timer}[what](frame)
        self.trace.ended, self.trace.ended_at = "all has arrived", self.now + 200 * MILLISECOND
        self.tell(Exit(self.trace.ended_at, "a", "main", "cancelled"))
        return self.trace

    def tell(self, event: Event) -> None:
        self.trace.events.append(event)

    def at(self, when: int, what: str, frame: bytes) -> None:
        heapq.heappush(self.coming, (when, len(self.trace.events) + len(self.coming), what, frame))

    def send(self, direction: str, frame: bytes) -> None:
        fate = self.wires[direction].offer(frame, now=self.now)
        self.tell(record(self.now, direction, frame, fate))
        for delivery in fate.deliveries:
            self.at(delivery.at, direction, delivery.frame)

    def send_data(self, number: int) -> None:
        frame = bytes([0, number >> 8, number & 255]) + b"player %d" % number
        self.send("a-b", frame)
        self.at(self.now + PATIENCE, "timer", frame)

    def fill_window(self) -> None:
        while self.next < min(self.count, len(self.acknowledged) + self.window):
            self.tell(PortEvent(self.now, "a", "app", "offered", self.next + 1, b"player %d" % self.next))
            self.tell(PortEvent(self.now, "a", "app", "taken", self.next + 1, b"player %d" % self.next))
            self.send_data(self.next)
            self.next += 1

    def at_b(self, frame: bytes) -> None:
        if classify(frame) != "data" or len(frame) < 3:
            return
        number = int.from_bytes(frame[1:3], "big")
        if number not in self.got:
            self.got.add(number)
            self.tell(PortEvent(self.now, "b", "app", "delivered", len(self.got), frame[3:]))
            self.tell(PortEvent(self.now, "b", "app", "consumed", len(self.got), frame[3:]))
        self.send("b-a", bytes([1]) + frame[1:3])

    def at_a(self, frame: bytes) -> None:
        if classify(frame) == "ack":
            self.acknowledged.add(int.from_bytes(frame[1:3], "big"))
        self.tell(Note(self.now, "a", "main", f"window={self.window - self.next + len(self.acknowledged)}"))
        self.fill_window()

    def at_timer(self, frame: bytes) -> None:
        number = int.from_bytes(frame[1:3], "big")
        if number not in self.acknowledged:
            self.tell(Note(self.now, "a", "main", "timeout"))
            self.send_data(number)


Converse = Callable[..., Trace]


@pytest.fixture
def converse() -> Converse:
    """`converse("drop a-b:data:2", count=8, window=3)` plays a conversation with these faults and returns its trace."""

    def play(*script: str, count: int = 8, window: int = 3, seed: int = 1, **properties: object) -> Trace:
        profile = Profile.from_mininet({"bw": 1, "delay": "5ms", **properties})
        faults = tuple(map(Fault.parse, script))
        wires = {
            direction: Wire(
                direction=direction, link="a-b", profile=profile, script=faults, seed=seed, classify=classify
            )
            for direction in ("a-b", "b-a")
        }
        line = Line("a-b", ("a", "b"), "1 Mbit/s, delay 5ms")
        trace = Trace(scene="conversation", seed=seed, testbed="sim", hosts=("a", "b"), lines=(line,))
        return Conversation(count, window, wires, trace).play()

    return play


# Chapters of a report -------------------------------------------------------------------------------------------------

EVIL = '"><img src=x onerror="window.owned=1"><script>window.owned=1</script>\x1b[2J\u202e</script>'


def taken_apart(frame: bytes) -> Iterator[tuple[str, int, int, object]]:
    """As a lab's kinds.py takes its frames apart."""
    yield "kind", 0, 1, classify(frame)
    yield "sequence", 1, 2, int.from_bytes(frame[1:3], "big")
    if frame[3:]:
        yield "payload", 3, len(frame) - 3, frame[3:].decode("ascii", "backslashreplace")


@pytest.fixture
def fields() -> Fields:
    return taken_apart


def outcome(verdict: Verdict, trace: Trace, *, story: Sequence[Told] = (), broken: Broken | None = None) -> Outcome:
    return Outcome(
        verdict=verdict,
        seed=0x8F31A2B3C4D5E6F7,
        seeds_tried=2,
        story=story or (Told("play:conversation", "played 'conversation'"), Told("bites", "a frame was lost", True)),
        broken=broken,
        reason="" if verdict in (Verdict.PASS, Verdict.FAIL) else "nothing was lost",
        played=(played(trace),),
    )


def shrunk(failed: Outcome, fewest: Trace, fault_free: Trace) -> Shrunk:
    return Shrunk(
        schedule=(Fault.parse("drop a-b:data:2"),),
        outcome=replace(failed, played=(played(fewest),)),
        fault_free=outcome(Verdict.INCONCLUSIVE, fault_free),
        whole=4,
        runs=9,
        finished=True,
    )


def played(trace: Trace, printed: str = "") -> Played:
    return Played(trace=trace, output={("a", "main"): printed}, unmet=())


@pytest.fixture
def chapters(converse: Converse) -> list[Chapter]:
    """One of each verdict; the failure has everything that a failure can have, much of it hostile."""
    broken_trace = converse(
        "drop a-b:data:2", "duplicate a-b:data:4", "flip a-b:data:5:26", "hold b-a:ack:3:40ms", count=12
    )
    broken_trace.events.insert(9, Note(0, "a", "main", EVIL))
    culprit = next(frame for frame in broken_trace.frames() if frame.lost)
    broken = Broken("in-order", f"B delivers in order {EVIL}", found=f"delivered 7 of 8\n{EVIL}", frame=culprit)
    story = (
        Told("play:conversation", "played it"),
        Told("bites", "it was lost", True),
        Told("in-order", broken.text, False),
    )
    failed = outcome(Verdict.FAIL, broken_trace, story=story, broken=broken)
    failed.played = (played(broken_trace, f"printed {EVIL}"),)
    return [
        Chapter(
            title="a lost frame is sent again",
            step="2",
            outcome=failed,
            hint="What does B do with a frame that is not the next one?",
            replay="./lab replay 3 --step 2 --check lost --seed 8f31a2b3c4d5e6f7 --drop a-b:data:2",
            shrunk=shrunk(failed, converse("drop a-b:data:2"), converse()),
            captures=(Path("captures/a-b.pcapng"),),
        ),
        Chapter(title="a window is kept", step="3", outcome=outcome(Verdict.PASS, converse())),
        Chapter(title="an update may be lost", step="4", outcome=outcome(Verdict.INCONCLUSIVE, converse())),
        Chapter(title="on Mininet", step="5", outcome=outcome(Verdict.NOT_RUN, converse())),
    ]
