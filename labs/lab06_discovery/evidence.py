"""What the judge reads off its wires and ports: who was called, who renewed when, and how long people waited."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address

from labs.lab06_discovery.kinds import head
from labs.lab06_discovery.topology import address
from labs.story.trace import FrameEvent, Trace
from netstack.wire import SECOND

ROUTER = "r"


def arrived(trace: Trace, host: str, kind: str) -> list[tuple[float, FrameEvent]]:
    """When frames of a kind reached `host`, in seconds, in order of arrival."""
    found = [(frame.arrivals[0] / SECOND, frame) for frame in trace.frames(f"{ROUTER}-{host}", kind) if frame.arrivals]
    return sorted(found, key=lambda each: each[0])


def named(frame: FrameEvent) -> str:
    """The instance that a request to the registry is about."""
    words = head(frame.data).split("/")
    return words[3] if len(words) > 3 else ""


def sent_by(frame: FrameEvent, host: str) -> bool:
    """Whether it is a packet from a host of the town."""
    return frame.data[26:30] == IPv4Address(address(host)).packed


def asked(trace: Trace, hosts: Iterable[str]) -> Counter[str]:
    """How many questions went to each host."""
    return Counter({host: sum(1 for _ in trace.frames(f"{ROUTER}-{host}", "ask")) for host in hosts})


def waits(trace: Trace, host: str = "a") -> list[float]:
    """How many seconds each question waited for its answer, the shortest first; those without one are left out."""
    begun = {_team(event.payload): event.at for event in trace.at_port("taken", host)}
    answered = {event.payload.partition(b":")[0]: event.at for event in trace.at_port("delivered", host)}
    return sorted((answered[team] - at) / SECOND for team, at in begun.items() if team in answered)


def _team(question: bytes) -> bytes:
    return question.removeprefix(b"Who plays for ").removesuffix(b"?")


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the sorted `values` lie; infinite where there are none."""
    return values[min(len(values) - 1, math.ceil(share * len(values)) - 1)] if values else math.inf


def lists(trace: Trace, host: str = "a") -> list[tuple[float, list[str]]]:
    """What `looking.py` told people, and when, in seconds: the names that the registry gave."""
    events = trace.at_port("delivered", host)
    return [(event.at / SECOND, event.payload.decode("utf-8", "replace").split()) for event in events]


def sweeps(begin: float, every: float, until: float) -> list[float]:
    """When sweeps are due, if the first registration was at `begin`."""
    return [begin + every * number for number in range(1, int((until - begin) / every) + 1)]
