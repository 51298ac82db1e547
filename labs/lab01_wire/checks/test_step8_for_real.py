"""Step 8: all of it on an emulated network: real interfaces, the kernel's packet sockets, and scapy listening."""

import json
from dataclasses import replace
from typing import Any

import pytest

from labs.conformance import drawn
from labs.lab01_wire.peers import BROADCAST, address
from labs.lab01_wire.scenes import SNIFF, offered
from labs.story.trace import FrameEvent, Trace
from labs.testbed.judge import Judge
from labs.testbed.scene import Offering, Port
from netstack import multiplex, neighbours
from netstack.wire import SECOND

pytestmark = [pytest.mark.step("8"), pytest.mark.testbeds("mininet")]

B, C = address(2), address(3)
QUIET = 3 * SECOND
"""For as long nothing is asked, so that scapy is listening when something is."""


def test_on_mininet(judge: Judge) -> None:
    """Teams finds players and asks, players answers, scapy crafts a frame by hand and dissects all that passes by."""
    asked = drawn(judge.random, 6)
    name = "players"
    order = {
        "dst": BROADCAST.hex(":"),
        "src": C.hex(":"),
        "fields": {"kind": "who-has", "station": name.encode().hex()},
    }
    last = QUIET + len(asked) * SECOND // 4
    ports = (
        Port(
            host="a", offers=offered((one.question for one in asked), every=SECOND // 4, first=QUIET), enough=len(asked)
        ),
        Port(host="c", offers=(Offering(json.dumps(order).encode(), last),), enough=2 + 2 * len(asked) + 1),
    )
    trace = judge.play(replace(SNIFF, name="for-real", ports=ports))
    expect_answers(judge, trace, [one.answer for one in asked])
    crafted = list(trace.frames("c-hub", "who-has"))
    judge.expect(
        "system:crafted",
        [frame.data[:31] for frame in crafted]
        == [BROADCAST + C + b"\x88\xb5" + neighbours.build(neighbours.WHO_HAS, name)],
        "the frame that c crafted with scapy is on the cable",
        found=f"c sent {[frame.data.hex(' ') for frame in crafted] or 'nothing of the kind'}",
    )
    heard = list(trace.frames("hub-c"))
    judge.expect(
        "system:answered",
        any(frame.kind == "I-am" and frame.data[:12] == C + B for frame in heard),
        "players answers the frame that was crafted by hand",
        found=f"c heard {[frame.kind for frame in heard]}",
    )
    expect_sniffed(judge, trace, heard)


def expect_answers(judge: Judge, trace: Trace, answers: list[bytes]) -> None:
    got = trace.delivered("a")
    judge.expect(
        "system:answers",
        sorted(got) == sorted(answers),
        "people get the answer to each question",
        found=f"they got {[text.decode('utf-8', 'replace') for text in got]}",
    )


def expect_sniffed(judge: Judge, trace: Trace, heard: list[FrameEvent]) -> None:
    """Expect that the desk has told the fields of every frame that the cable brought to it."""
    findings = [finding.decode("utf-8", "replace") for finding in trace.delivered("c")]
    for frame in heard:
        fields = fields_of(frame.data)
        judge.expect(
            "system:sniffed",
            any(_agrees(finding, fields) for finding in findings),
            f"scapy heard and dissected {frame.kind} number {frame.index}",
            found=f"no finding has the fields {fields}",
            frame=frame,
        )


def fields_of(frame: bytes) -> dict[str, Any]:
    """What scapy should find in a frame, as the desk tells it."""
    source, message = frame[6:12].hex(":"), frame[14:]
    try:
        kind, number, data = multiplex.parse(message)
    except multiplex.MalformedError:
        return {"src": source, "kind": int.from_bytes(message[:1], "big")}
    return {"src": source, "kind": kind, "conversation": number, "data": data.hex()}


def _agrees(finding: str, fields: dict[str, Any]) -> bool:
    try:
        found = json.loads(finding)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and all(found.get(name) == value for name, value in fields.items())
