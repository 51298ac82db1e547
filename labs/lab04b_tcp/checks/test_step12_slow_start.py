"""Step 12: a window that grows, quickly and then gently, and begins anew after a timeout."""

import itertools

import pytest

from labs.lab04b_tcp.evidence import Conversation, expect_stream, flights, seconds
from labs.lab04b_tcp.peers import FarEnd, settings
from labs.lab04b_tcp.scenes import caller, noise
from labs.testbed.judge import Judge
from labs.testbed.unit import Script
from netstack.wire import MILLISECOND

pytestmark = pytest.mark.step("12")

MSS = 1_000


class Path:
    """A unit script about a `Congestion` `c`; numbers count from 0."""

    def __init__(self, name: str, *, initial: int = 4 * MSS) -> None:
        self.script = Script(name)
        self.script.make("congestion.Congestion", MSS, initial, store="c")

    def window(self, wanted: int, because: str, label: str) -> None:
        self.script.get("c.window", returns=wanted, because=because, label=label)

    def news(self, number: int, count: int, again: bool, because: str, label: str) -> None:
        self.script.call("c.acknowledged", number, count, returns=again, because=because, label=label)

    def duplicate(self, following: int, in_flight: int, again: bool, because: str, label: str) -> None:
        keywords = {"in_flight": in_flight, "following": following}
        self.script.call("c.duplicate", keywords=keywords, returns=again, because=because, label=label)

    def time_out(self, following: int, in_flight: int) -> None:
        keywords = {"in_flight": in_flight, "following": following}
        self.script.call("c.timed_out", keywords=keywords, because="the timer has gone off", label="time-out")


@pytest.mark.seeds(1)
def test_growth_by_itself(judge: Judge) -> None:
    """Slow start up to the threshold, from there a segment for a window; a segment at most at a time."""
    path = Path("growth")
    path.window(4_000, "four segments to begin with", "initial")
    path.news(1_000, 1_000, False, "one has arrived", "one")
    path.window(5_000, "slow start: two may go for it", "slow-start")
    path.news(3_000, 2_000, False, "two at once", "two")
    path.window(6_000, "one acknowledgement, one segment", "at-most-one")
    path.news(3_300, 300, False, "a small one", "small")
    path.window(6_300, "bytes count, not acknowledgements", "bytes")
    path.time_out(following=9_000, in_flight=5_700)
    path.window(1_000, "one segment, and from the beginning", "one-segment")
    path.news(4_300, 1_000, True, "it arrived; what else was under way is taken for lost, the oldest goes next", "next")
    path.window(2_000, "slow start again", "again")
    path.news(9_000, 4_700, False, "all that had been under way is here", "all")
    path.window(3_000, "up to the threshold, half of 5,700 is 2,850", "threshold")
    path.news(10_000, 1_000, False, "above the threshold", "gentle-1")
    path.window(3_000, "it takes a whole window's worth now", "gentle-same")
    path.news(11_000, 1_000, False, "2,000 of 3,000", "gentle-2")
    path.window(3_000, "not yet", "gentle-not-yet")
    path.news(12_000, 1_000, False, "3,000 of 3,000", "gentle-3")
    path.window(4_000, "one segment more", "gentle-more")
    judge.unit(path.script)


@pytest.mark.seeds(1)
def test_what_is_left_over_by_itself(judge: Judge) -> None:
    """Above the threshold what is acknowledged beyond a whole window counts for the next segment."""
    path = Path("left-over", initial=4 * MSS)
    path.time_out(following=4_000, in_flight=4_000)
    path.news(4_000, 4_000, False, "all is here", "all")
    path.window(2_000, "one segment and one more: the threshold", "threshold")
    path.news(5_500, 1_500, False, "1,500 of 2,000", "some")
    path.window(2_000, "not yet", "not-yet")
    path.news(7_000, 1_500, False, "3,000: a whole window of 2,000, and 1,000 are left over", "more")
    path.window(3_000, "one segment more", "one-more")
    path.news(9_000, 2_000, False, "with the 1,000 that were left over 3,000 of 3,000", "with-the-rest")
    path.window(4_000, "one segment more", "another")
    judge.unit(path.script)


@pytest.mark.seeds(1)
def test_timeouts_in_a_row_by_themselves(judge: Judge) -> None:
    """The threshold is set at the first of several timeouts, and is two segments at least."""
    path = Path("timeouts", initial=10 * MSS)
    path.time_out(following=10_000, in_flight=10_000)
    path.time_out(following=10_000, in_flight=10_000)
    path.news(7_000, 7_000, True, "the oldest has arrived at last, and others with it", "oldest")
    path.time_out(following=10_000, in_flight=3_000)
    path.news(10_000, 3_000, False, "all is here", "all")
    path.window(2_000, "slow start from one segment", "from-one")
    for n in range(3):
        path.news(11_000 + n * 1_000, 1_000, False, "one more", "more")
    path.window(5_000, "the threshold is half of 10,000, whatever happened after the first", "first-counts")
    path.news(14_000, 1_000, False, "above it", "above")
    path.window(5_000, "a whole window's worth is needed now", "gentle")
    path.time_out(following=15_000, in_flight=1_000)
    path.news(14_500, 500, True, "half of it is here", "small-half")
    path.window(1_500, "the threshold is two segments at least, so it is still slow start", "least")
    judge.unit(path.script)


@pytest.mark.seeds(2)
def test_it_begins_slowly(judge: Judge) -> None:
    """In a connection: ten segments in the first round trip, twice as many in the second, and so on."""
    source = judge.random
    says, initial = noise(150_000, source), source.choice((2, 3, 4))
    far = FarEnd(settings=settings(delayed_ack=0.0, receive_buffer=250_000))
    more = {"settings": {"initial_window": initial, "send_buffer": 250_000}, "link": {"bw": 100}}
    trace = judge.play(caller(far, says, ("sender", "congestion"), name="slowly", **more))
    talk = Conversation(trace)
    begin = next((said.frame.at for said in talk.said("a-b") if said.segment.payload), 0)
    times = [begin + n * 20 * MILLISECOND + 10 * MILLISECOND for n in range(5)]
    under_way = [max((bytes_ for at, bytes_ in flights(talk) if at <= time), default=0) for time in times]
    judge.bites("the window had to be opened several times", len(says) > 2 * under_way[2])
    judge.expect(
        "slow:first",
        under_way[0] == initial * 1_460,
        f"in the first round trip {initial} segments are under way, {initial * 1_460} bytes",
        found=f"{under_way[0]} bytes are",
    )
    for n, (earlier, later) in enumerate(itertools.pairwise(under_way[:4]), 2):
        judge.expect(
            "slow:doubles",
            1.6 * earlier <= later <= 2.1 * earlier,
            f"up to {seconds(times[n - 1])} there are twice as many under way as before, or nearly: {2 * earlier}",
            found=f"there are {later}",
        )
    expect_stream(judge, bytes(far.received), says, "b", "order")


@pytest.mark.seeds(2)
def test_after_a_timeout(judge: Judge) -> None:
    """In a connection: all that was under way is lost; it begins anew with one segment, and all arrives."""
    source = judge.random
    says = noise(120_000, source)
    far = FarEnd(settings=settings(delayed_ack=0.0, receive_buffer=250_000))
    begin = source.randint(75, 95)
    more = {"settings": {"initial_window": 4, "send_buffer": 250_000}, "link": {"bw": 100}}
    scene = caller(far, says, ("sender", "congestion"), name="anew", **more)
    trace = judge.play(scene.scripted(f"cut a-b:{begin}ms-{begin + 150}ms"))
    talk = Conversation(trace)
    end = (begin + 150) * MILLISECOND
    lost = [said for said in talk.said("a-b") if said.frame.lost]
    judge.bites("much was lost", len(lost) > 4)
    later = [said for said in talk.said("a-b") if said.frame.at >= end and said.end > said.start]
    first = [said for said in later if said.frame.at < later[0].frame.at + 15 * MILLISECOND]
    judge.expect(
        "slow:one",
        len(first) == 1,
        f"the timer goes off at {seconds(later[0].frame.at)}; in the round trip that begins there one segment is sent",
        found=f"{len(first)} are",
        frame=later[0].frame,
    )
    expect_stream(judge, bytes(far.received), says, "b", "order")
    took = later[-1].frame.at - later[0].frame.at
    judge.expect(
        "slow:mends",
        took < 1_500 * MILLISECOND,
        "what was lost with it goes again as acknowledgements come in, without further timeouts",
        found=f"it took {seconds(took)}",
    )
