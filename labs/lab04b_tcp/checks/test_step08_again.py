"""Step 8: what is lost goes again, in good time, and alone."""

import itertools

import pytest

from labs.lab04b_tcp.evidence import (
    Conversation,
    expect_an_end,
    expect_only_the_oldest_again,
    expect_stream,
    expect_the_window_to_be_kept,
    named,
    seconds,
)
from labs.lab04b_tcp.peers import FarEnd
from labs.lab04b_tcp.scenes import caller, noise
from labs.lab04b_tcp.senders import Dialogue, piece
from labs.testbed.judge import Judge
from labs.testbed.unit import Script
from netstack.wire import SECOND

pytestmark = pytest.mark.step("8")


@pytest.mark.seeds(1)
def test_one_segment_by_itself(judge: Judge) -> None:
    """What is lost goes again, and once more if that is lost too; news start the timer anew."""
    script = Script("one")
    talk = Dialogue(script)
    talk.begin()
    talk.hear(0, 10_000)
    talk.write(100)
    talk.expect([piece(0, 100)], "there is room", "one")
    talk.wake(2.0)
    talk.expect([piece(0, 100)], "after the first timeout, 1 s, it goes again", "repeat")
    talk.wake(4.0)
    talk.expect([piece(0, 100)], "after 2 s more, once more", "repeat-again")
    talk.begin()
    talk.now = 1.0
    talk.hear(0, 10_000)
    talk.write(200)
    talk.expect([piece(0, 100), piece(100, 200)], "there is room", "two")
    talk.now = 1.5
    talk.hear(100, 10_000)
    talk.timer(3.0, "0.5 s was measured: 0.5 + 4 * 0.25 from now", "news")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_the_timer_by_itself(judge: Judge) -> None:
    """One timer, for the oldest; it backs off; and what went twice is no measurement (Karn)."""
    script = Script("timer")
    talk = Dialogue(script)
    talk.begin()
    talk.hear(0, 10_000)
    talk.timer(None, "nothing is under way", "idle")
    talk.write(300)
    talk.expect([piece(0, 100), piece(100, 200), piece(200, 300)], "there is room", "three")
    talk.timer(2.0, "the first timeout is 1 s", "set")
    talk.wake(1.5, "it is called before its time")
    talk.expect([], "it is too early", "early")
    talk.wake(2.0)
    talk.expect([piece(0, 100)], "the oldest, and it alone, goes again", "oldest")
    talk.expect([], "once", "once")
    talk.timer(4.0, "2 s from now: it backs off", "doubled")
    talk.now = 2.5
    talk.hear(100, 10_000)
    talk.timer(4.5, "good news starts it anew; but which of the two was acknowledged? 2 s remain", "karn")
    talk.now = 2.6
    talk.hear(100, 10_000)
    talk.timer(4.5, "no news", "no-news")
    talk.now = 2.7
    talk.hear(300, 10_000)
    talk.timer(None, "nothing is under way", "stopped")
    talk.now = 3.0
    talk.write(100)
    talk.expect([piece(300, 400)], "something new", "new")
    # 200-300 went once, at 1.0, and was acknowledged at 2.7: 1.7 + 4 * 0.85
    talk.timer(3.0 + 5.1, "what went once, 1.7 s ago, was a measurement", "measured")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_measurements_by_themselves(judge: Judge) -> None:
    """An acknowledgement for several measures the youngest; with one among them that went twice, none."""
    script = Script("measure")
    talk = Dialogue(script)
    talk.begin()
    talk.hear(0, 10_000)
    talk.write(100)
    talk.expect([piece(0, 100)], "there is room", "first")
    talk.now = 1.4
    talk.write(100)
    talk.expect([piece(100, 200)], "there is room", "second")
    talk.timer(2.0, "it stands for the oldest", "oldest")
    talk.now = 1.5
    talk.hear(200, 10_000)
    talk.now = 2.0
    talk.write(200)
    talk.expect([piece(200, 300), piece(300, 400)], "there is room", "third")
    talk.timer(2.3, "the youngest took 0.1 s: 0.1 + 0.2", "youngest")
    talk.wake(2.35)
    talk.expect([piece(200, 300)], "the oldest goes again", "again")
    talk.now = 2.4
    talk.hear(400, 10_000)
    talk.write(100)
    talk.expect([piece(400, 500)], "there is room", "fourth")
    talk.timer(3.0, "0.6 s: one of those acknowledged went twice, so nothing was learned", "mixed")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_the_end_goes_again_by_itself(judge: Judge) -> None:
    """The FIN is part of the stream: it goes again as all else does."""
    script = Script("fin-again")
    talk = Dialogue(script)
    talk.begin()
    talk.hear(0, 100)
    talk.close()
    talk.expect([piece(0, 0, fin=True)], "the end", "fin")
    talk.wake(2.0)
    talk.expect([piece(0, 0, fin=True)], "the end, again", "again")
    talk.now = 2.1
    talk.hear(1, 100)
    talk.timer(None, "all has arrived", "done")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_part_of_a_segment_by_itself(judge: Judge) -> None:
    """An acknowledgement may end in the midst of a segment: that is news, and the segment stays under way."""
    script = Script("part")
    talk = Dialogue(script)
    talk.begin()
    talk.hear(0, 10_000)
    talk.write(100)
    talk.expect([piece(0, 100)], "there is room", "one")
    talk.now = 1.2
    talk.hear(50, 10_000)
    talk.timer(2.2, "half has arrived: the timer starts anew for the rest", "half")
    talk.begin()
    talk.now = 1.0
    talk.hear(0, 10_000)
    talk.write(200)
    talk.expect([piece(0, 100), piece(100, 200)], "there is room", "two")
    talk.wake(2.0)
    talk.hear(100, 10_000)
    talk.expect([], "what was to go again has arrived, and the next one's time has not come", "in-time")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_what_the_path_hears_by_itself(judge: Judge) -> None:
    """`congestion` is told of each acknowledgement of something new, and of each timeout, and of nothing else."""
    script = Script("told")
    talk = Dialogue(script)
    talk.begin("Recording")
    talk.hear(0, 10_000)
    talk.write(250)
    talk.close()
    talk.expect([piece(0, 100), piece(100, 200), piece(200, 250, fin=True)], "there is room", "three")
    talk.heard(because="nothing has arrived yet", label="nothing")
    talk.now = 1.2
    talk.hear(150, 10_000)
    news = ("acknowledged", 1_150, 150)
    talk.heard(news, because="150 bytes have arrived", label="acknowledged")
    talk.hear(150, 10_000)
    talk.hear(50, 10_000)
    talk.heard(news, because="nothing new has arrived since", label="old")
    talk.wake(1.9)
    late = ("timed_out", 101, 1_251)
    talk.heard(news, late, because="100 bytes and the FIN are under way, 1251 follows", label="timed-out")
    talk.hear(251, 10_000)
    talk.heard(news, late, ("acknowledged", 1_251, 101), because="a FIN counts as one", label="fin")
    judge.unit(script)


@pytest.mark.seeds(2)
def test_a_line_that_loses(judge: Judge) -> None:
    """In a connection: segments, acknowledgements and the FIN are lost, and all arrives, without undue repeats."""
    source = judge.random
    says = noise(40_000, source)
    far = FarEnd()
    scene = caller(far, says, ("sender",), name="losing", link={"loss": 2}, seconds=200)
    lost = source.randint(3, 20)
    trace = judge.play(scene.scripted(f"drop a-b:data:{lost}", "drop a-b:fin:1", "drop b-a:ack:4"))
    talk = Conversation(trace)
    judge.bites("a segment was lost", any(frame.lost for frame in trace.frames("a-b", "data")))
    expect_the_window_to_be_kept(judge, talk, mss=1_460)
    expect_only_the_oldest_again(judge, talk, least=0.2)
    expect_stream(judge, bytes(far.received), says, "b", "order")
    expect_an_end(judge, far, trace)


@pytest.mark.seeds(2)
def test_cut_for_ten_seconds(judge: Judge) -> None:
    """In a connection: nothing arrives for ten seconds, and the pauses grow."""
    source = judge.random
    says = noise(30_000, source)
    far = FarEnd()
    begin = source.randint(40, 70)
    scene = caller(far, says, ("sender",), name="cut", seconds=10_000)
    trace = judge.play(scene.scripted(f"cut a-b:{begin}ms-{begin + 10_000}ms"))
    talk = Conversation(trace)
    tries = [said.frame.at for said in talk.said("a-b") if said.start == known_before(talk, begin) and said.frame.lost]
    judge.bites("something was sent into the cut line", len(tries) > 2)
    gaps = [later - earlier for earlier, later in itertools.pairwise(tries)][1:]
    for earlier, later in itertools.pairwise(gaps):
        judge.expect(
            "again:doubles",
            abs(later - 2 * earlier) < SECOND // 1_000,
            f"after {seconds(earlier)} in vain it waits {seconds(2 * earlier)}",
            found=f"it waits {seconds(later)}",
        )
    last = talk.said("a-b")[-1]
    expect_stream(judge, bytes(far.received), says, "b", "order")
    judge.expect(
        "again:end",
        far.connection is not None and far.connection.receiver.ended,
        "and so does the end",
        found=named(last),
    )


def known_before(talk: Conversation, milliseconds: int) -> int:
    """What a knew to have arrived when the line was cut."""
    cut = milliseconds * SECOND // 1_000
    return max((said.wanted for at, said in talk.heard("b-a") if at < cut), default=0)
