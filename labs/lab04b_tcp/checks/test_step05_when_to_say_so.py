"""Step 5: which acknowledgements may wait, and which must not."""

from collections.abc import Iterator

import pytest

from labs.lab04b_tcp.evidence import (
    Conversation,
    expect_honest_acknowledgements,
    expect_stream,
    in_order,
    named,
    seconds,
)
from labs.lab04b_tcp.peers import FarEnd
from labs.lab04b_tcp.scenes import caller, noise
from labs.testbed.judge import Judge
from labs.testbed.scene import Reader
from labs.testbed.unit import Script
from netstack.wire import MILLISECOND, SECOND

pytestmark = [pytest.mark.step("5"), pytest.mark.exact]

DELAY = 0.1
IN_NS = round(DELAY * SECOND)
ROUNDING = 1_000  # nanoseconds: the student's clock has seconds in floating point


def come(
    script: Script, at: float, start: int, data: bytes, due: float | None, because: str, label: str, fin: bool = False
) -> None:
    """A segment comes to the receiver `r`; then an acknowledgement is `due`."""
    script.call("r.receive", start, data, fin, keywords={"now": at}, because="", label=f"{label}-taken")
    script.get("r.ack_at", returns=due, because=because, label=label)


def gone(script: Script) -> None:
    """An acknowledgement goes."""
    script.call("r.announce", 0, because="an acknowledgement goes")
    script.get("r.ack_at", returns=None, because="so none is due", label="gone")


def new_receiver(script: Script, capacity: int) -> None:
    """A receiver `r` that waits for number 0."""
    pieces = script.make("netstack.tcp.reassembler.Reassembler", 0, store="pieces")
    terms = {"reassembler": pieces, "capacity": capacity, "mss": 1_000, "delay": 0.1}
    script.make("receiver.Receiver", store="r", keywords=terms)


@pytest.mark.seeds(1)
def test_patience_by_itself(judge: Judge) -> None:
    """One full segment waits, the second does not; a gap, its end, a repeat and the FIN never do."""
    script, x = Script("patience"), bytes(1_000)
    new_receiver(script, 60_000)
    script.get("r.ack_at", returns=None, because="nothing has come", label="nothing")
    come(script, 1.0, 0, x, 1.1, "one segment may wait 0.1 s", "first")
    come(script, 1.05, 1_000, x, 1.05, "the second full one may not", "second")
    gone(script)
    for n in range(3):
        come(script, 2.0, 2_000 + 100 * n, x[:100], 2.1, "they may wait: 300 bytes are not two segments", f"small-{n}")
    come(script, 2.06, 2_300, x[:600], 2.1, "it has waited since 2.0, and does not begin anew", "not-anew")
    gone(script)
    come(script, 3.0, 3_000, x[:100], 3.0, "there is a gap before it: the sender needs to know", "gap")
    gone(script)
    come(script, 3.1, 3_100, x[:100], 3.1, "the gap is still there", "still-gap")
    gone(script)
    come(script, 3.2, 2_900, x[:100], 3.2, "the gap is closed: the sender needs to know that too", "closed")
    gone(script)
    come(script, 3.3, 2_900, x[:100], 3.3, "it came twice: perhaps our acknowledgement was lost", "repeat")
    gone(script)
    come(script, 4.0, 3_200, x[:10], 4.1, "one may wait", "wait")
    script.call("r.acknowledge", keywords={"now": 4.02}, because="something came that must be answered", label="told")
    script.get("r.ack_at", returns=4.02, because="at once", label="at-once")
    gone(script)
    come(script, 5.0, 3_210, x[:10], 5.0, "the end does not wait", "fin", fin=True)
    judge.unit(script)


@pytest.mark.seeds(1)
def test_in_part_by_itself(judge: Judge) -> None:
    """A repeat in part, a gap closed in part, a cut, a repeat of the end: at once. An empty segment: never."""
    script, x = Script("in-part"), bytes(1_000)
    new_receiver(script, 60_000)
    come(script, 1.0, 0, b"", None, "it was a bare acknowledgement: nothing came that could be acknowledged", "bare")
    come(script, 1.0, 0, x[:500], 1.1, "500 bytes may wait", "some")
    gone(script)
    come(script, 2.0, 500, x, 2.1, "1,000 since the last one went", "thousand")
    come(script, 2.01, 1_500, x[:900], 2.1, "1,900", "nearly")
    come(script, 2.02, 2_400, x + x[:100], 2.02, "3,000", "three-thousand")
    gone(script)
    come(script, 2.5, 3_500, x, 2.6, "counting begins anew with each one that goes", "anew")
    new_receiver(script, 1_000)
    come(script, 1.0, 200, x[:100], 1.0, "there is a gap before it", "gap")
    come(script, 1.0, 400, x[:100], 1.0, "there is another before this one", "second-gap")
    gone(script)
    come(script, 1.1, 0, x[:200], 1.1, "one gap is closed; the other is still there", "one-of-two")
    come(script, 1.2, 300, x[:100], 1.2, "and so is the other", "both")
    gone(script)
    come(script, 1.3, 450, x[:100], 1.3, "half of it came twice", "half-repeat")
    gone(script)
    come(script, 1.4, 550, x[:600], 1.4, "its end lies beyond the window and was cut off", "cut")
    gone(script)
    script.call("r.read", 1_000, keywords={"now": 1.5}, because="the user reads all of it", label="read")
    gone(script)
    come(script, 1.6, 1_000, x[:100], 1.6, "the end", "end", fin=True)
    gone(script)
    come(script, 1.7, 1_000, x[:100], 1.7, "a repeat, of the end", "end-again", fin=True)
    judge.unit(script)


@pytest.mark.seeds(1)
def test_news_of_room_by_itself(judge: Judge) -> None:
    """Room is told of when the window doubles by it, and not for each byte that is read."""
    script, x = Script("room"), bytes(1_000)
    pieces = script.make("netstack.tcp.reassembler.Reassembler", 0, store="pieces")
    terms = {"reassembler": pieces, "capacity": 10_000, "mss": 1_000, "delay": 0.1}
    script.make("receiver.Receiver", store="r", keywords=terms)
    for n in range(10):
        script.call("r.receive", n * 1_000, x, False, keywords={"now": 1.0}, because="it is in order")
    script.call("r.announce", 0, returns=0, because="the buffer is full", label="full")

    def read(count: int, due: float | None, because: str, label: str) -> None:
        script.call("r.read", count, keywords={"now": 2.0}, because=f"the user reads {count}", label=f"{label}-read")
        script.get("r.ack_at", returns=due, because=because, label=label)

    read(400, None, "400 bytes are less than a segment", "silly")
    read(600, 2.0, "a segment's room, where there was none", "open")
    script.call("r.announce", 0, returns=1_000, because="it is said", label="said")
    read(900, None, "that would not double it", "not-double")
    read(100, 2.0, "that does", "double")
    script.call("r.announce", 0, returns=2_000, because="it is said", label="said-again")
    read(1_000, None, "half as much again", "half")
    judge.unit(script)


def replies(talk: Conversation, at: int) -> Iterator[int]:
    """When a says something after `at`."""
    return (said.frame.at - at for said in talk.said("a-b") if said.frame.at >= at)


@pytest.mark.seeds(2)
def test_a_few_bytes(judge: Judge) -> None:
    """A few bytes alone are acknowledged after the delay, and not before."""
    source = judge.random
    far = FarEnd(says=noise(source.randint(1, 1_000), source), closes=False, speaks_at=200 * MILLISECOND)
    scene = caller(far, b"", ("receiver",), name="a-few-bytes", settings={"delayed_ack": DELAY}, seconds=3)
    trace = judge.play(scene)
    talk = Conversation(trace)
    arrivals = [at for at, said in talk.heard("b-a") if said.segment.payload]
    judge.bites("they arrived", len(arrivals) == 1)
    after = next((gap for gap in replies(talk, arrivals[0])), None)
    judge.expect(
        "delay:exact",
        after is not None and abs(after - IN_NS) <= ROUNDING,
        f"what arrives alone, at {seconds(arrivals[0])}, is acknowledged {DELAY} s later",
        found="it is not acknowledged" if after is None else f"it is {seconds(after)} later",
    )


@pytest.mark.seeds(2)
def test_a_stream_with_a_gap(judge: Judge) -> None:
    """In a stream one acknowledgement stands for two segments; what is out of order is answered at once."""
    source = judge.random
    says = noise(70_000, source)
    lost = source.randint(20, 30)
    far = FarEnd(says=says)
    more = {"settings": {"delayed_ack": DELAY, "receive_buffer": 65_535}}
    scene = caller(far, b"", ("receiver",), name="gap", **more)
    trace = judge.play(scene.scripted(f"drop b-a:data:{lost}", "duplicate b-a:data:8"))
    talk = Conversation(trace)
    news = in_order(talk, "b-a")
    judge.bites("something came too early", any(not orderly for _, _, orderly in news))
    expect_honest_acknowledgements(judge, talk)
    times = {said.frame.at for said in talk.said("a-b")}
    for at, _, orderly in news:
        if not orderly:
            judge.expect(
                "delay:at-once",
                at in times,
                f"what arrives out of order at {seconds(at)} is answered at that moment",
                found="it is not",
            )
    for at, wanted, _ in news:
        told = next((said for said in talk.said("a-b") if said.frame.at >= at and said.wanted >= wanted), None)
        judge.expect(
            "delay:late",
            told is not None and told.frame.at <= at + IN_NS + ROUNDING,
            f"what arrives at {seconds(at)} is acknowledged within {DELAY} s",
            found=f"{named(told)} is the first to do so",
        )
    orderly = sum(each for _, _, each in news)
    said = sum(each.frame.at not in {at for at, _, orderly in news if not orderly} for each in talk.said("a-b"))
    judge.expect(
        "delay:each",
        said <= orderly * 2 / 3 + 4,
        f"{orderly} segments in order take about half as many acknowledgements",
        found=f"there are {said}",
    )
    expect_stream(judge, b"".join(trace.delivered("a")), says, "a", "order")


@pytest.mark.seeds(2)
def test_the_window_opens(judge: Judge) -> None:
    """When the application reads again, the sender hears of it at once, unasked."""
    source = judge.random
    back = source.randint(900, 1_400) * MILLISECOND
    far = FarEnd(says=noise(30_000, source))
    more = {"settings": {"receive_buffer": 8_000}, "most": 500}
    trace = judge.play(caller(far, b"", ("receiver",), name="opens", reader=Reader(pauses=((0, back),)), **more))
    talk = Conversation(trace)
    judge.bites("the window was closed", any(said.edge == said.wanted for said in talk.said("a-b")))
    opened = next((said for said in talk.said("a-b") if said.frame.at >= back), None)
    judge.expect(
        "delay:room",
        opened is not None and opened.frame.at == back and opened.edge > opened.wanted,
        f"at {seconds(back)} there is room again, and that is said at once",
        found=f"{named(opened)} is the next",
    )
