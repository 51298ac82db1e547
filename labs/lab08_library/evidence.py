"""What the judge reads off its wires and ports: which instance was called how often, and what people heard."""

import json
from collections.abc import Iterable
from typing import Any

from labs.lab04_stack.evidence import segments
from labs.lab06_discovery.evidence import ROUTER
from labs.lab07_breaker.evidence import CallSeen, calls
from labs.story.trace import Trace
from netstack.packets import ACK, SYN
from netstack.wire import SECOND


def called(trace: Trace, hosts: Iterable[str]) -> dict[str, list[CallSeen]]:
    """The calls that each instance got, in order."""
    return {host: calls(trace, f"{ROUTER}-{host}") for host in hosts}


def counted(trace: Trace, hosts: Iterable[str]) -> dict[str, int]:
    """How many calls each instance got."""
    return {host: len(found) for host, found in called(trace, hosts).items()}


def heard(trace: Trace) -> tuple[int, int]:
    """How many people heard an answer, and how many an apology."""
    payloads = trace.delivered("a")
    good = sum(payload.endswith(b": nobody") for payload in payloads)
    return good, len(payloads) - good


def waits(trace: Trace) -> dict[str, float]:
    """How long people waited for what they heard, in seconds, by the team that they asked about."""
    asked = {_team(event.payload): event.at for event in trace.at_port("taken", "a")}
    told = {event.payload.decode().partition(":")[0]: event.at for event in trace.at_port("delivered", "a")}
    return {team: (told[team] - at) / SECOND for team, at in asked.items() if team in told}


def _team(question: bytes) -> str:
    return question.decode().removeprefix("Who plays for ").removesuffix("?")


def connections(trace: Trace, host: str) -> int:
    """How many connections were opened to a host."""
    opening = (one for one in segments(trace, f"{ROUTER}-{host}") if one.has(SYN) and not one.has(ACK))
    return len({(one.tcp.source_port, one.tcp.sequence) for one in opening})


def counts(trace: Trace) -> dict[str, Any]:
    """What the student's statistics have counted."""
    told: dict[str, Any] = json.loads(trace.delivered("a", "counts")[0])
    return told
