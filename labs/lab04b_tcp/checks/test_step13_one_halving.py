"""Step 13: three duplicates mend a loss at once, and halve the window once for all that one window loses."""

import pytest

from labs.lab04b_tcp.checks.test_step12_slow_start import Path
from labs.lab04b_tcp.evidence import (
    Conversation,
    expect_an_end,
    expect_stream,
    flights,
    known_at,
    named,
    repeats,
    seconds,
)
from labs.lab04b_tcp.peers import FarEnd, settings
from labs.lab04b_tcp.scenes import caller, noise
from labs.testbed.judge import Judge
from netstack.wire import MILLISECOND

pytestmark = pytest.mark.step("13")


@pytest.mark.seeds(1)
def test_one_loss_by_itself(judge: Judge) -> None:
    """The third duplicate halves, each further one makes room, and all that was under way ends it."""
    path = Path("one-loss", initial=10_000)
    path.duplicate(10_000, 10_000, False, "one may be a matter of order", "first")
    path.duplicate(10_000, 10_000, False, "so may two", "second")
    path.window(10_000, "nothing has changed", "unchanged")
    path.duplicate(10_000, 10_000, True, "three are a loss: the oldest goes again", "third")
    path.window(8_000, "half of what was under way, and three that have left the network", "halved")
    path.duplicate(10_000, 10_000, False, "the oldest is on its way", "fourth")
    path.window(9_000, "one more has left the network", "inflated")
    path.duplicate(10_000, 10_000, False, "and another", "fifth")
    path.window(10_000, "one more has left the network", "inflated-again")
    path.news(10_000, 10_000, False, "all is here", "full")
    path.window(5_000, "half of what it was", "deflated")
    path.news(11_000, 1_000, False, "one more", "after")
    path.window(5_000, "from here on it grows gently", "gentle")
    judge.unit(path.script)


@pytest.mark.seeds(1)
def test_several_losses_by_themselves(judge: Judge) -> None:
    """A partial acknowledgement asks for the next gap, and does not halve again; a later loss does."""
    path = Path("several", initial=12_000)
    for n in range(3):
        path.duplicate(12_000, 12_000, n == 2, "three duplicates", "duplicate")
    path.window(9_000, "6,000 and three segments", "halved")
    path.news(4_000, 4_000, True, "another one is missing: it goes again at once", "partial")
    path.window(6_000, "4,000 have left, one may go", "partial-window")
    for _ in range(4):
        path.duplicate(12_000, 8_000, False, "duplicates are of the same trouble", "same-trouble")
    path.window(10_000, "each makes room for one", "room")
    path.news(12_000, 8_000, False, "all is here", "full")
    path.window(6_000, "half of 12,000: it was halved once", "once")
    for n in range(3):
        path.duplicate(18_000, 6_000, n == 2, "a new trouble", "new-trouble")
    path.window(6_000, "3,000 and three segments", "halved-again")
    path.time_out(following=18_000, in_flight=6_000)
    path.window(1_000, "the timer: nothing arrives any more", "time-out")
    for _ in range(4):
        path.duplicate(18_000, 6_000, False, "the timer's affair, until all that is here", "not-fast")
    path.window(1_000, "so they change nothing", "unmoved")
    judge.unit(path.script)


@pytest.mark.seeds(1)
def test_duplicates_in_a_row_by_themselves(judge: Judge) -> None:
    """Only three in a row count: news in between begin the count anew."""
    path = Path("in-a-row", initial=10_000)
    path.duplicate(10_000, 10_000, False, "one", "one")
    path.duplicate(10_000, 10_000, False, "two", "two")
    path.news(1_000, 1_000, False, "it was a matter of order", "news")
    path.window(11_000, "and the window grows", "grows")
    path.duplicate(11_000, 10_000, False, "one", "one-again")
    path.duplicate(11_000, 10_000, False, "two", "two-again")
    path.duplicate(11_000, 10_000, True, "three", "three")
    path.window(8_000, "half of 10,000, and three", "halved")
    judge.unit(path.script)


@pytest.mark.seeds(1)
def test_what_is_halved_by_itself(judge: Judge) -> None:
    """Half of what was under way, to the byte; and a partial acknowledgement leaves room for one."""
    path = Path("halved", initial=8_000)
    for n in range(3):
        path.duplicate(13_500, 13_500, n == 2, "three duplicates", "duplicate")
    path.window(9_750, "half of the 13,500 under way, whatever the window was, and three segments", "under-way")
    path.news(12_000, 12_000, True, "another one is missing", "partial")
    path.window(1_000, "nothing is left of the window, and then one segment may go", "nothing-and-one")
    judge.unit(path.script)


@pytest.mark.seeds(2)
def test_several_lost_of_one_window(judge: Judge) -> None:
    """In a connection: three segments of one window are lost; all are mended without the timer, and it halves once."""
    source = judge.random
    says = noise(250_000, source)
    far = FarEnd(settings=settings(delayed_ack=0.0, receive_buffer=250_000))
    more = {"settings": {"initial_window": 10, "send_buffer": 250_000}, "link": {"bw": 20, "max_queue_size": 1_000}}
    first = source.randint(36, 44)
    scene = caller(far, says, ("sender", "congestion"), name="several", **more)
    faults = [f"drop a-b:data:{first + n}" for n in (0, source.choice((2, 3)), source.choice((5, 7)))]
    trace = judge.play(scene.scripted(*faults))
    talk = Conversation(trace)
    lost = [said for said in talk.said("a-b") if said.frame.lost]
    judge.bites("three were lost", len(lost) == 3)
    again = list(repeats(talk))
    for said, before in again:
        judge.expect(
            "once:needed",
            before.frame.lost != "",
            "only what was lost goes again",
            found=f"{named(said)} repeats {named(before)}, which was not",
            frame=said.frame,
        )
    begin, end = (
        again[0][0].frame.at,
        max(said.end for said in talk.said("a-b") if said.frame.at < again[0][0].frame.at),
    )
    for n, gone in enumerate(lost):
        repeat = next((said for said, before in again if before.frame is gone.frame), None)
        judge.expect(
            "once:mended",
            repeat is not None and repeat.frame.at - begin < (n + 1) * 60 * MILLISECOND,
            f"{named(gone)} goes again within a round trip or so, and not by the timer",
            found=f"{named(repeat)} is its repeat",
            frame=gone.frame,
        )
    done = next(at for at, said in talk.heard("b-a") if said.wanted >= end)
    at_loss = end - known_at(talk, begin)
    after = max((flight for at, flight in flights(talk) if done <= at < done + 15 * MILLISECOND), default=0)
    judge.expect(
        "once:halved",
        0.35 * at_loss <= after <= 0.65 * at_loss,
        f"{at_loss} bytes were under way at the loss; when it is mended, at {seconds(done)}, about half as many are",
        found=f"{after} are",
    )
    expect_stream(judge, bytes(far.received), says, "b", "order")
    expect_an_end(judge, far, trace)


@pytest.mark.seeds(2)
def test_a_queue_that_is_too_short(judge: Judge) -> None:
    """In a connection: a queue that overflows again and again; little is lost, and the line is busy."""
    source = judge.random
    says = noise(600_000, source)
    far = FarEnd(settings=settings(delayed_ack=0.0, receive_buffer=250_000))
    more = {"settings": {"send_buffer": 250_000}, "link": {"max_queue_size": source.randint(14, 18)}}
    trace = judge.play(caller(far, says, ("sender", "congestion"), name="short-queue", **more))
    talk = Conversation(trace)
    sent = [said for said in talk.said("a-b") if said.segment.payload]
    lost = [said for said in sent if said.frame.lost]
    judge.bites("the queue overflowed", bool(lost))
    share = len(lost) / len(sent)
    judge.expect("fair:lost", share < 0.15, "fewer than 15 % of its segments are lost", found=f"{share:.1%} are")
    expect_stream(judge, bytes(far.received), says, "b", "order")
    took = sent[-1].frame.at - sent[0].frame.at
    least = len(says) * 8 / 10_000_000 * 1_000 * MILLISECOND
    judge.expect(
        "fair:busy",
        took < 3 * least,
        f"the line could carry it in {seconds(round(least))}; it takes less than three times as long",
        found=f"it takes {seconds(took)}",
    )
