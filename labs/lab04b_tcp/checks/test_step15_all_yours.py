"""Step 15: nothing but yours."""

import pytest

from labs.conformance import asking, drawn, expect_answers
from labs.lab04b_tcp.evidence import (
    Conversation,
    expect_an_end,
    expect_promises_kept,
    expect_stream,
    expect_the_window_to_be_kept,
)
from labs.lab04b_tcp.peers import FarEnd, settings
from labs.lab04b_tcp.scenes import ALL, APPLICATION, caller, noise
from labs.testbed.judge import Judge
from labs.testbed.scene import Reader
from netstack.flow.sequence import MODULUS
from netstack.wire import MILLISECOND

pytestmark = pytest.mark.step("15")


def test_everything_at_once(judge: Judge) -> None:
    """Both ways at once, on a line that loses, doubles and reorders, with slow readers and numbers that go round."""
    source = judge.random
    ours, theirs = noise(60_000, source), noise(60_000, source)
    capacity = source.randint(6_000, 12_000)
    far = FarEnd(
        says=theirs,
        isn=MODULUS - source.randint(2_000, 30_000),
        settings=settings(receive_buffer=source.randint(6_000, 12_000)),
        pauses=((200 * MILLISECOND, 900 * MILLISECOND),),
    )
    reader = Reader(pauses=((150 * MILLISECOND, source.randint(500, 1_200) * MILLISECOND),))
    more = {"settings": {"receive_buffer": capacity}, "link": {"loss": 2, "reorder": 4, "duplicate": 3}}
    isn = MODULUS - source.randint(2_000, 30_000)
    trace = judge.play(caller(far, ours, ALL, name="everything", reader=reader, isn=isn, seconds=600, **more))
    talk = Conversation(trace)
    judge.bites("something was lost both ways", all(any(f.lost for f in trace.frames(d)) for d in ("a-b", "b-a")))
    expect_the_window_to_be_kept(judge, talk, mss=1_460)
    expect_promises_kept(judge, talk, capacity=capacity, mss=1_460, most=2_000)
    expect_stream(judge, bytes(far.received), ours, "b", "all:sent")
    expect_stream(judge, b"".join(trace.delivered("a")), theirs, "a", "all:received")
    expect_an_end(judge, far, trace)


def test_the_application(judge: Judge) -> None:
    """People ask *teams*, which asks *players*, over TCP of your own at both ends."""
    asked = drawn(judge.random, 10)
    trace = judge.play(asking(APPLICATION, asked, every=100 * MILLISECOND))
    expect_answers(judge, trace, APPLICATION, asked)
    judge.bites("they talked by TCP", sum(1 for _ in trace.frames("a-b", "data")) > 0)
