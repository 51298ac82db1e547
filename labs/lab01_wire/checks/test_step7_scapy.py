"""Step 7: the frames of this lab, described to scapy."""

import json
import random
from typing import Any

import pytest

from labs.lab01_wire.kinds import KINDS, classify
from labs.lab01_wire.peers import BROADCAST, acting, address, ethernet, padded
from labs.lab01_wire.scenes import SCAPY, desk, offered
from labs.lab01_wire.topology import Pair
from labs.testbed.judge import Judge
from labs.testbed.scene import Port, Scene
from netstack import multiplex, neighbours
from netstack.wire import MILLISECOND

pytestmark = pytest.mark.step("7")

A, B = address(1), address(2)
Fields = dict[str, Any]


def some_messages(source: random.Random) -> list[tuple[Fields, bytes]]:
    """One message of each kind and some more: as scapy's fields (bytes in hexadecimal), and as bytes."""
    names = ("players", "coach", f"team {source.randrange(10**6)}", "sixteen letters!")
    found: list[tuple[Fields, bytes]] = [
        ({"kind": kind, "station": name.encode().hex()}, neighbours.build(kind, name))
        for kind in (1, 2)
        for name in names
    ]
    for place, length in enumerate((6, 300, 0, 1, 1496, source.randint(2, 40))):
        kind, number, data = 3 + place % 2, source.randint(1, 255), source.randbytes(length)
        fields = {"kind": kind, "conversation": number, "data": data.hex()}
        found.append((fields, multiplex.build(kind, number, data)))
    return found


def test_crafted_frames(judge: Judge) -> None:
    """Frames crafted with your layer are those of the handout, byte by byte; type and length fill themselves in."""
    messages = some_messages(judge.random)
    orders = [
        {"dst": BROADCAST.hex(":"), "src": A.hex(":"), "fields": {**fields, "kind": _named(fields["kind"], n)}}
        for n, (fields, _) in enumerate(messages)
    ]
    offers = offered((json.dumps(order).encode() for order in orders), every=MILLISECOND)
    scene = Scene(
        name="craft",
        topology=Pair,
        programs=(desk("a"), acting("b")),
        ports=(Port(host="a", offers=offers),),
        classify=classify,
        preload=SCAPY,
    )
    sent = list(judge.play(scene).frames("a-b"))
    for n, (fields, message) in enumerate(messages):
        right = ethernet(A, BROADCAST, message)
        judge.expect(
            f"scapy:craft:{KINDS[fields['kind']]}",
            n < len(sent) and sent[n].data == right,
            f"Ether()/Downstack({_shown(fields)}) is {_short(right)}",
            found=f"it is {_short(sent[n].data) if n < len(sent) else 'not there'}",
            frame=sent[n] if n < len(sent) else None,
            wanted=right,
        )


def _named(kind: int, number: int) -> int | str:
    """A kind by its number, or by its name: scapy takes both."""
    return kind if number % 2 else KINDS[kind]


def _shown(fields: Fields) -> str:
    return ", ".join(f"{name}={str(value)[:24]}" for name, value in fields.items())


def _short(frame: bytes) -> str:
    return frame[12:44].hex(" ") + (" …" if len(frame) > 44 else "")


def test_dissected_frames(judge: Judge) -> None:
    """Frames that the judge sends are dissected into the same fields; what the card filled up with is no data."""
    messages = some_messages(judge.random)
    strays = [ethernet(B, A, b"\3\1\0\4data", ethertype=0x0800), ethernet(B, A, bytes(46), ethertype=0x88B6)]
    frames = [*(padded(ethernet(B, A, message), filling=b"?") for _, message in messages), *map(padded, strays)]
    scene = Scene(
        name="dissect",
        topology=Pair,
        programs=(desk("a"), acting("b", ((n * MILLISECOND, frame) for n, frame in enumerate(frames, 1)))),
        ports=(Port(host="a"),),
        classify=classify,
        preload=SCAPY,
    )
    told = [_read(finding) for finding in judge.play(scene).delivered("a")]
    for n, (fields, message) in enumerate(messages):
        right = {"src": B.hex(":"), **fields, "padding": max(0, 46 - len(message))}
        if "data" in fields:
            right["length"] = len(fields["data"]) // 2
        found = told[n] if n < len(told) else {}
        if "station" in found:
            found["station"] = str(found["station"]).removesuffix("00" * (16 - len(fields.get("station", "")) // 2))
        judge.expect(
            f"scapy:dissect:{KINDS[fields['kind']]}",
            found == right,
            f"{_short(ethernet(B, A, message))} has the fields {_shown(right)}",
            found=f"scapy found {_shown(found) or 'no Downstack'}",
        )
    judge.expect(
        "scapy:others",
        told[len(messages) :] == [{}, {}],
        "frames of another type have no Downstack in them",
        found=f"scapy found {told[len(messages) :]}",
    )


def _read(finding: bytes) -> Fields:
    """A finding as the desk tells it; hostile, as all that comes from a program."""
    try:
        value = json.loads(finding)
    except (ValueError, RecursionError):
        return {"unreadable": finding[:40].hex()}
    return value if isinstance(value, dict) else {"unreadable": str(value)[:40]}
