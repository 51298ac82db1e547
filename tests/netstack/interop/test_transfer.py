"""Bytes between our TCP and Linux's, one thing varied at a time, both ways over one connection: do they arrive?"""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from netstack.tcp import NewReno, Settings
from netstack.wire import Profile
from tests.netstack.interop.ground import (
    KERNELS_OPTIONS,
    Case,
    Ground,
    hear,
    met,
    needs_an_enclave,
    play,
    say,
    together,
)

pytestmark = needs_an_enclave

ALL = {"timestamps", "sack", "wscale"}

WIRES = {
    "nothing happens": Case(),
    "one in a hundred is lost": Case(profile=Profile(loss=0.01)),
    "one in twenty is lost": Case(profile=Profile(loss=0.05)),
    "one in twenty is overtaken": Case(profile=Profile(reorder=0.05)),
    "one in twenty comes twice": Case(profile=Profile(duplicate=0.05)),
    "one in a hundred is damaged": Case(profile=Profile(corrupt=0.01)),
    "a single bit is flipped, each way": Case(
        script=("flip ours-kernel:data:20:4000", "flip kernel-ours:data:20:4000")
    ),
    "10 ms each way": Case(profile=Profile(delay=10_000_000)),
}
KERNELS = {
    "reno": Case(congestion="reno", profile=Profile(loss=0.01)),
    "bbr": Case(congestion="bbr", profile=Profile(loss=0.01)),
}
OPTIONS = {
    "the kernel without timestamps": (Case(kernels={"tcp_timestamps": "0"}), ALL - {"timestamps"}),
    "the kernel without SACK": (Case(kernels={"tcp_sack": "0"}), ALL - {"sack"}),
    "the kernel without window scale": (Case(kernels={"tcp_window_scaling": "0"}), ALL - {"wscale"}),
    "the kernel with ECN": (Case(kernels={"tcp_ecn": "1"}), ALL),
    "us without timestamps": (Case(ours=Settings(timestamps=False)), ALL - {"timestamps"}),
    "us without SACK": (Case(ours=Settings(sack=False)), ALL - {"sack"}),
    "us without window scale": (Case(ours=Settings(window_scale=False)), ALL - {"wscale"}),
    "us with ECN": (Case(ours=Settings(ecn=True)), ALL | {"ecn"}),
    "us with RFC 6675": (Case(ours=Settings(rack=False)), ALL),
    "us with NewReno": (Case(ours=Settings(congestion=NewReno)), ALL),
    "us with small buffers": (Case(ours=Settings(send_buffer=5000, receive_buffer=5000)), ALL),
    "us with segments of 536 bytes": (Case(ours=Settings(mss=536)), ALL),
    "both with ECN": (Case(ours=Settings(ecn=True), kernels={"tcp_ecn": "1"}), ALL | {"ecn"}),
    "neither with any option": (
        Case(
            ours=Settings(timestamps=False, sack=False, window_scale=False),
            kernels={"tcp_timestamps": "0", "tcp_sack": "0", "tcp_window_scaling": "0"},
        ),
        set(),
    ),
}


async def exchanged(ground: Ground, size: int, we_call: bool) -> dict[str, Any]:
    """First we send and the kernel listens, until our end; then the other way round, over the half that is open."""
    async with ground.ours():
        ours, theirs = await met(ground, we_call=we_call)
        told = theirs.socket.getsockopt(6, 11, 8)[5]
        up = await together(partial(say, ours, size, 1), partial(hear, theirs))
        down = await together(partial(say, theirs, size, 2), partial(hear, ours))
    options = {name for name, bit in KERNELS_OPTIONS.items() if told & bit}
    return {"up": up, "down": down, "options": options, "faults": dict(ground.faults)}


def check(case: Case, size: int, *, we_call: bool = True, limit: float = 60) -> dict[str, Any]:
    found = play(exchanged, case, size, we_call, limit=limit)
    assert found["up"][0] == found["up"][1], "what the kernel heard is not what we said"
    assert found["down"][0] == found["down"][1], "what we heard is not what the kernel said"
    assert found["up"][0] != found["down"][0]
    profile = case.profile
    harmful = case.script or profile.loss or profile.reorder or profile.duplicate or profile.corrupt
    assert bool(found["faults"]) == bool(harmful), found["faults"]
    return found


@pytest.mark.parametrize("name", WIRES)
@pytest.mark.parametrize("we_call", [True, False], ids=["we call", "the kernel calls"])
def test_a_wire(name: str, we_call: bool) -> None:
    check(WIRES[name], 300_000, we_call=we_call)


@pytest.mark.parametrize("name", KERNELS)
def test_a_congestion_control_of_the_kernels(name: str) -> None:
    check(KERNELS[name], 300_000)


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option(name: str) -> None:
    case, agreed = OPTIONS[name]
    found = check(replace(case, profile=Profile(loss=0.01)), 300_000)
    assert found["options"] & (ALL | {"ecn"}) == agreed


@pytest.mark.slow
def test_a_hundred_megabytes() -> None:
    check(WIRES["nothing happens"], 100_000_000, limit=300)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in WIRES if name != "nothing happens"])
def test_ten_megabytes(name: str) -> None:
    check(WIRES[name], 10_000_000, limit=300)


@pytest.mark.slow
@pytest.mark.parametrize("name", KERNELS)
def test_ten_megabytes_from_another_congestion_control(name: str) -> None:
    check(KERNELS[name], 10_000_000, limit=300)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONS)
def test_ten_megabytes_with_options(name: str) -> None:
    check(replace(OPTIONS[name][0], profile=Profile(loss=0.01)), 10_000_000, limit=300)
