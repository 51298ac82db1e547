"""What the judge reads off the wire: which calls went out, when, and with how much time left."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from labs.lab04_stack.evidence import segments
from labs.story.trace import FrameEvent, Trace
from netstack.wire import SECOND


@dataclass(frozen=True, slots=True)
class CallSeen:
    """A call as it went over a wire, in the frame that carried its beginning."""

    frame: FrameEvent
    text: str

    @property
    def at(self) -> float:
        """When it was sent, in seconds."""
        return self.frame.at / SECOND

    @property
    def timeout(self) -> str:
        """What it says of the time left; "" if nothing."""
        headers = (line.partition(":") for line in self.text.splitlines())
        return next((value.strip() for name, _, value in headers if name.lower() == "grpc-timeout"), "")


def calls(trace: Trace, direction: str) -> list[CallSeen]:
    """The calls that were made in a direction, in order; one that TCP sent twice counts once."""
    found: dict[tuple[int, int], CallSeen] = {}
    for one in segments(trace, direction):
        if one.tcp.payload.startswith(b"POST "):
            place = (one.tcp.source_port, one.tcp.sequence)
            found.setdefault(place, CallSeen(one.frame, one.tcp.payload.decode("latin-1")))
    return list(found.values())


def crowd_calls(trace: Trace) -> Iterator[tuple[float, int]]:
    """When each client of a crowd called *players* (s), and how many did at that moment, in one segment."""
    for one in segments(trace, "web-players"):
        if one.tcp.payload:
            yield one.at / SECOND, one.tcp.payload.count(b"\n")


def reports(trace: Trace) -> Iterator[tuple[float, str]]:
    """When a client of a crowd told the pager of its circuit (s), and which state it was in then."""
    for one in segments(trace, "web-pager"):
        for line in one.tcp.payload.decode("latin-1").splitlines():
            _, _, rest = line.partition(" ")
            yield one.at / SECOND, rest.partition(" ")[0]


def peak(times: Iterator[tuple[float, int]], *, begin: float = 0.0, end: float, step: float = 0.25) -> int:
    """The most calls that fell into one interval of `step` seconds, between `begin` and `end`."""
    counts: Counter[int] = Counter()
    for at, count in times:
        if begin <= at < end:
            counts[int((at - begin) / step)] += count
    return max(counts.values(), default=0)


@dataclass(frozen=True, slots=True)
class Page:
    """What whoever is on call was told; of what is none, only that it came."""

    target: str = "nothing that can be read"
    since: float = 0.0
    sources: int = 0
    over: bool = False


def pages(trace: Trace) -> list[Page]:
    """What whoever is on call was told, in order."""
    return [_page(payload) for payload in trace.delivered("pager")]


def _page(payload: bytes) -> Page:
    try:
        told = json.loads(payload)
        return Page(str(told["target"]), float(told["since"]), int(told["sources"]), told["over"] is True)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return Page()
