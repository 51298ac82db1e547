"""A reader that does not read, for half a minute: the window shuts, is asked after, and opens again."""

import time

import pytest
import trio

from netstack.tcp import Settings
from netstack.wire import MILLISECOND, Profile
from tests.netstack.interop.ground import Case, Ground, hear, met, needs_an_enclave, play, say
from tests.netstack.tcp.network import Dialogue, noise

SIZE = 8_000_000  # more than all buffers on the way hold
SOON, LATE = 4.0, 30.0  # seconds


async def shut(ground: Ground, we_read: bool, pause: float) -> dict[str, object]:
    """One side sends as much as it can, the other does nothing for a while, then reads."""
    found: dict[str, object] = {}
    async with ground.ours():
        ours, theirs = await met(ground, we_call=True)
        reader, writer = (ours, theirs) if we_read else (theirs, ours)

        async def write() -> None:
            found["said"] = await say(writer, SIZE, 1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            await trio.sleep(pause)
            connection = ground.connection()
            found["window"] = connection.receiver.open_window if we_read else connection.sender.window
            began = time.monotonic()
            found["heard"] = await hear(reader)
            found["took"] = time.monotonic() - began
    return found


def check(we_read: bool, pause: float, case: Case = Case()) -> None:  # noqa: B008 - frozen
    found = play(shut, case, we_read, pause, limit=pause + 60)
    assert found["window"] == 0, "the pause was too short to fill every buffer, so nothing was tried"
    assert found["said"] == found["heard"]


@needs_an_enclave
@pytest.mark.parametrize("we_read", [True, False], ids=["we do not read", "the kernel's program does not read"])
def test_for_some_seconds(we_read: bool) -> None:
    check(we_read, SOON)


@needs_an_enclave
@pytest.mark.parametrize("we_read", [True, False], ids=["the kernel asks", "we ask"])
def test_the_news_of_an_open_window_is_lost(we_read: bool) -> None:
    """Nobody repeats it: whoever sends must have asked, and ask again (RFC 9293, 3.8.6.1)."""
    check(we_read, SOON, Case(script=(f"cut link:{SOON - 0.5:g}s-{SOON + 1:g}s",)))


@needs_an_enclave
@pytest.mark.slow
@pytest.mark.parametrize("we_read", [True, False], ids=["we do not read", "the kernel's program does not read"])
def test_for_half_a_minute(we_read: bool) -> None:
    check(we_read, LATE)


def test_for_half_a_minute_of_virtual_time() -> None:
    """Our TCP at both ends: its probes are spaced out, and all are answered, though nobody reads."""
    dialogue = Dialogue(profile=Profile(delay=5 * MILLISECOND), b_settings=Settings(receive_buffer=20_000), reads=False)
    data = noise(100_000)
    dialogue.say("a", data)
    dialogue.close("a")
    dialogue.run(until=LATE)
    assert dialogue.b is not None
    assert (dialogue.a.sender.window, dialogue.a.failure) == (0, None)
    probes = [line for line in dialogue.log if " a " in line and float(line.split()[0]) > 1]
    assert 3 <= len(probes) <= 8, probes
    dialogue.reads = True
    dialogue.received["b"] += dialogue.b.read(1 << 20, now=dialogue.now)
    dialogue._flush("b")
    dialogue.run()
    assert bytes(dialogue.received["b"]) == data
