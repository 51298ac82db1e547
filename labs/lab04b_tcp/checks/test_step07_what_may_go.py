"""Step 7: segments, within the other side's window, and the end of the stream."""

import pytest

from labs.lab04b_tcp.evidence import (
    Conversation,
    expect_an_end,
    expect_stream,
    expect_the_window_to_be_kept,
    expect_the_window_to_be_used,
)
from labs.lab04b_tcp.peers import FarEnd, settings
from labs.lab04b_tcp.scenes import caller, noise
from labs.lab04b_tcp.senders import Dialogue, piece
from labs.testbed.judge import Judge
from labs.testbed.unit import Script
from netstack.wire import MILLISECOND

pytestmark = pytest.mark.step("7")


@pytest.mark.seeds(1)
def test_the_window_is_kept_by_itself(judge: Judge) -> None:
    """Full segments within the window; the limit never goes back, and nonsense changes nothing."""
    script = Script("limit")
    talk = Dialogue(script)
    talk.begin()
    talk.hear(0, 100)
    talk.write(200)
    talk.expect([piece(0, 100)], "there is room for 100", "one")
    talk.begin()
    talk.expect([], "nothing is written", "nothing")
    talk.hear(0, 250)
    talk.write(400)
    talk.expect([piece(0, 100), piece(100, 200)], "50 more would fit, but that is no full segment", "two")
    script.get("s.next", returns=1_200, because="200 bytes have gone", label="next")
    script.get("s.unsent", returns=200, because="200 have not", label="unsent")
    talk.expect([], "they have gone", "once")
    talk.hear(100, 200)
    talk.hear(0, 200)
    talk.expect([piece(200, 300)], "there is room up to 1300; the second word was an old one, come late", "moves")
    script.get("s.unacknowledged", returns=1_100, because="the first hundred has arrived", label="una")
    talk.hear(0, 200)
    talk.hear(100, 150)
    talk.expect([], "old words, and a limit that would go back, change nothing", "old")
    script.get("s.unacknowledged", returns=1_100, because="what has arrived has arrived", label="una-stays")
    talk.hear(900, 5_000)
    script.get("s.unacknowledged", returns=1_100, because="900 was never sent", label="never-sent")
    talk.expect([], "and what nonsense says of a window counts as little", "never-sent-limit")
    talk.hear(0, 400)
    talk.expect([piece(300, 400)], "an old word, and the farthest limit of all: 1400", "old-limit")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_small_segments_by_themselves(judge: Judge) -> None:
    """What is not full goes when it is the last that was written, or when nothing is under way."""
    script = Script("small")
    talk = Dialogue(script)
    talk.begin()
    talk.hear(0, 130)
    talk.write(130)
    talk.expect([piece(0, 100), piece(100, 130)], "the 30 are the last that was written", "last")
    talk.hear(130, 40)
    talk.write(100)
    talk.expect([piece(130, 170)], "nothing is under way, and 40 are better than nothing", "better")
    talk.hear(170, 300)
    talk.expect([piece(170, 230)], "the rest", "rest")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_the_end_is_sent_by_itself(judge: Judge) -> None:
    """The FIN stands behind the last byte, goes once, takes a number, and needs room in the window."""
    script = Script("fin")
    talk = Dialogue(script)
    talk.begin()
    talk.hear(0, 100)
    talk.close()
    talk.expect([piece(0, 0, fin=True)], "a stream without bytes", "empty")
    talk.expect([], "there is but one end", "one-end")
    talk.begin()
    talk.hear(0, 1_000)
    talk.write(150)
    talk.close()
    talk.expect([piece(0, 100), piece(100, 150, fin=True)], "the FIN travels with the last bytes", "with-data")
    script.get("s.next", returns=1_151, because="150 bytes and the FIN", label="number")
    talk.expect([], "there is but one end", "once")
    talk.hear(151, 1_000)
    script.get("s.unacknowledged", returns=1_151, because="all has arrived", label="arrived")
    talk.begin()
    talk.hear(0, 100)
    talk.write(100)
    talk.close()
    talk.expect([piece(0, 100)], "the window has no room for the FIN", "no-room")
    talk.hear(100, 50)
    talk.expect([piece(100, 100, fin=True)], "now it has", "room")
    talk.begin()
    talk.hear(0, 1_000)
    talk.write(100)
    talk.close()
    talk.expect([piece(0, 100, fin=True)], "the FIN is no byte: it travels with a full segment too", "full")
    judge.unit(script)


@pytest.mark.seeds(2)
def test_within_the_window(judge: Judge) -> None:
    """In a connection, against a small buffer and a slow reader: never beyond the window, and all of the window."""
    source = judge.random
    says, room = noise(50_000, source), source.randint(6_000, 12_000)
    back = source.randint(200, 260) * MILLISECOND
    far = FarEnd(
        settings=settings(receive_buffer=room), pauses=((100 * MILLISECOND, back),), every=8 * MILLISECOND, most=1_700
    )
    trace = judge.play(caller(far, says, ("sender",), name="within", seconds=30))
    talk = Conversation(trace)
    judge.bites("the window was closed", any(said.edge == said.wanted for said in talk.said("b-a")))
    expect_the_window_to_be_kept(judge, talk, mss=1_460)
    expect_the_window_to_be_used(judge, talk, total=len(says) + 1, mss=1_460)
    expect_stream(judge, bytes(far.received), says, "b", "order")
    expect_an_end(judge, far, trace)
