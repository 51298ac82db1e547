"""Step 8: the same over the kernel's TCP: its zero window, its probes, and a reset forged against it."""

from dataclasses import replace

import pytest

from labs.conformance import asking, drawn, expect_answers
from labs.lab03_flow.scenes import lunch
from labs.lab04_stack.evidence import seconds, segments, spoken
from labs.lab04_stack.peers import encoded
from labs.lab04_stack.questions import reaction
from labs.lab04_stack.scenes import APPLICATION, mail, overheard, pouring
from labs.testbed.judge import Judge
from netstack.tcp import Settings
from netstack.wire import MILLISECOND

pytestmark = [pytest.mark.step("8"), pytest.mark.testbeds("mininet")]

SMALL = dict.fromkeys("ab", Settings(receive_buffer=16_000, send_buffer=16_000))


def test_the_application_over_the_kernel(judge: Judge) -> None:
    """On an emulated network people ask *teams*, and get their answers, over the kernel's TCP."""
    asked = drawn(judge.random, 10)
    trace = judge.play(asking(APPLICATION, asked, every=50 * MILLISECOND))
    expect_answers(judge, trace, APPLICATION, asked)


def test_the_kernels_zero_window(judge: Judge) -> None:
    """There *players* has lunch: the kernel's window closes, its sender probes, and every message arrives."""
    source = judge.random
    sent = [source.randbytes(source.randint(100, 3000)) for _ in range(60)]
    trace = judge.play(replace(mail(sent, reader=lunch(0.2, 2.0), bw=10), tcp=SMALL))
    closed = next(trace.frames("b-a", "zero"), None)
    judge.bites("the kernel's window closed", closed is not None)
    assert closed is not None
    opened = next((one for one in segments(trace, "b-a") if one.at > closed.at and one.tcp.window), None)
    until = opened.at if opened else trace.ended_at
    probes = [one for one in segments(trace, "a-b") if closed.at < one.at < until]
    judge.bites("the kernel probed", bool(probes))
    judge.expect(
        "kernel:stream",
        b"".join(map(encoded, sent)).startswith(spoken(trace, "a-b")),
        "the bytes on the wire are lengths and messages, as the handout says",
    )
    got = trace.delivered("b")
    judge.expect(
        "kernel:delivered",
        got == sent,
        f"all {len(sent)} messages arrive, though from {seconds(closed.at)} on there was no room",
        found=f"{len(got)} did, {sum(one == other for one, other in zip(got, sent, strict=False))} of them right",
        frame=closed,
    )


def test_a_reset_forged_against_the_kernel(judge: Judge) -> None:
    """There two resets reach the kernel of `a`: a number in the window draws a challenge, the exact one ends it."""
    inside = judge.random.randint(1, 5_000)
    scene = pouring([bytes(200_000)], sip=1000, begin=6.0, tcp=SMALL, name="reset-the-kernel")
    orders = [(0.9, "reset", inside), (1.6, "reset")]
    trace = judge.play(overheard(scene, orders))
    for n, (name, wanted) in enumerate((("in the window", "challenge"), ("exact", "dies"))):
        came = reaction(trace, n)
        judge.expect(f"kernel:{wanted}", came == wanted, f"a reset whose number is {name}: {wanted}", found=f"{came}")
