"""Step 16: the Linux kernel at the other end."""

import pytest

from labs.lab04b_tcp.evidence import Conversation, expect_stream, expect_the_window_to_be_kept
from labs.lab04b_tcp.scenes import noise, with_the_kernel
from labs.story.trace import Trace
from labs.testbed.judge import Judge
from labs.testbed.scene import Reader
from netstack.wire import MILLISECOND

pytestmark = [pytest.mark.step("16"), pytest.mark.testbeds("mininet")]


def expect_both_streams(judge: Judge, trace: Trace, ours: bytes, theirs: bytes) -> None:
    """Expect that each end has been handed all that the other one's application had to say."""
    expect_stream(judge, b"".join(trace.delivered("b")), ours, "b, the kernel's program,", "kernel:sent")
    expect_stream(judge, b"".join(trace.delivered("a")), theirs, "a", "kernel:received")


def test_with_the_kernel(judge: Judge) -> None:
    """Both ways at once with a Linux kernel, on a line that loses: every byte arrives, and both streams end."""
    source = judge.random
    ours, theirs = noise(200_000, source), noise(200_000, source)
    trace = judge.play(with_the_kernel(ours, theirs, link={"loss": 1}, seconds=40))
    judge.bites("a segment of ours was lost", any(frame.lost for frame in trace.frames("a-b")))
    expect_the_window_to_be_kept(judge, Conversation(trace), mss=1_460)
    expect_both_streams(judge, trace, ours, theirs)
    for direction in ("a-b", "b-a"):
        ends = [frame for frame in trace.frames(direction, "fin") if not frame.lost]
        judge.expect(
            f"kernel:end:{direction}", bool(ends), f"the stream {direction} is ended by a FIN", found="it is not"
        )


def test_a_kernel_that_must_wait(judge: Judge) -> None:
    """A program on the kernel that reads nothing for a second; and one on yours: windows close, and open again."""
    source = judge.random
    ours, theirs = noise(400_000, source), noise(60_000, source)
    lunch = Reader(pauses=((0, 1_500 * MILLISECOND),))
    settings = {"receive_buffer": 12_000}
    scene = with_the_kernel(ours, theirs, name="waits", readers=(lunch, lunch), settings=settings, seconds=40)
    trace = judge.play(scene)
    judge.bites("our window was closed", any(said.edge == said.wanted for said in Conversation(trace).said("a-b")))
    expect_the_window_to_be_kept(judge, Conversation(trace), mss=1_460)
    expect_both_streams(judge, trace, ours, theirs)
