"""Step 6: the timeout is learned from the line."""

import itertools
from collections.abc import Callable

import pytest

from labs.lab04b_tcp.evidence import Conversation, expect_stream, named, seconds
from labs.lab04b_tcp.peers import FarEnd, settings
from labs.lab04b_tcp.scenes import caller, noise
from labs.testbed.judge import Judge
from labs.testbed.unit import Script
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("6")


def about(wanted: float) -> Callable[[object], bool]:
    return lambda found: isinstance(found, float | int) and abs(found - wanted) < 1e-9


class Estimate:
    """RFC 6298, section 2, as the handout has it."""

    def __init__(self, least: float) -> None:
        self.least, self.variation = least, 0.0
        self.smoothed: float | None = None

    def sample(self, seconds: float) -> float:
        """The timeout after this sample."""
        if self.smoothed is None:
            self.smoothed, self.variation = seconds, seconds / 2
        else:
            self.variation = 0.75 * self.variation + 0.25 * abs(self.smoothed - seconds)
            self.smoothed = 0.875 * self.smoothed + 0.125 * seconds
        return self.smoothed + max(self.least, 4 * self.variation)


@pytest.mark.seeds(2)
def test_the_estimate_by_itself(judge: Judge) -> None:
    """The first sample, those that follow, the floor of the variation, doubling, the ceiling, and the way back."""
    script, source = Script("estimate"), judge.random
    script.make("timer.RoundTrip", store="t", keywords={"least": 0.2, "most": 60.0, "first": 1.0})

    def timeout(wanted: float, because: str, label: str) -> None:
        script.get("t.timeout", returns=about(wanted), because=f"{wanted:.6f} s: {because}", label=label)

    def sample(seconds: float, because: str, label: str) -> float:
        script.call("t.sample", seconds, because=f"a measurement of {seconds} s", label=f"{label}-taken")
        wanted = estimate.sample(seconds)
        timeout(wanted, because, label)
        return wanted

    estimate = Estimate(0.2)
    timeout(1.0, "nothing is known", "unknown")
    sample(0.5, "0.5 + 4 * 0.25", "first")
    sample(0.5, "the variation has come down to 3/4 of it", "second")
    for _ in range(4):
        sample(round(source.uniform(0.3, 0.9), 3), "smoothed + 4 * variation", "moving")
    for _ in range(24):
        last = sample(0.1, "smoothed + 4 * variation, or + 0.2 if that is more", "steady")
    for n in range(1, 4):
        script.call("t.back_off", because="the timer went off", label="back-off")
        timeout(last * 2**n, "doubled each time", "doubled")
    for _ in range(9):
        script.call("t.back_off", because="the timer went off", label="back-off")
    timeout(60.0, "never longer than that", "most")
    sample(0.1, "a new measurement ends the back-off, all of it", "back")
    script.make("timer.RoundTrip", store="t", keywords={"least": 0.2, "most": 60.0, "first": 1.0})
    script.call("t.back_off", because="the timer went off", label="back-off")
    timeout(2.0, "nothing is known, and it went off once", "unknown-doubled")
    estimate = Estimate(0.2)
    sample(0.0, "0 + 0.2", "nothing")
    sample(0.4, "the second measurement, though the first was 0 s", "after-nothing")
    judge.unit(script)


def test_a_line_that_is_cut(judge: Judge) -> None:
    """In a connection: while the line is cut it waits twice as long each time; afterwards it is as quick as before."""
    source = judge.random
    one_way = source.randint(60, 120)
    says = noise(20_000, source)
    far = FarEnd(settings=settings(delayed_ack=0.0))
    begin = source.randint(3, 5) * one_way * 2 + 200
    link = {"delay": f"{one_way}ms", "bw": 1}
    scene = caller(far, says, ("timer",), name="cut", link=link, settings={"initial_window": 1})
    trace = judge.play(scene.scripted(f"cut a-b:{begin}ms-{begin + 14_000}ms"))
    talk = Conversation(trace)
    end = (begin + 14_000) * MILLISECOND
    oldest = max((said.wanted for at, said in talk.heard("b-a") if at < end), default=0)
    tries = [said.frame.at for said in talk.said("a-b") if said.start == oldest and said.end > said.start]
    judge.bites("the line was cut in the midst of it", 0 < oldest < len(says))
    gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
    judge.bites("something was sent again and again", len(gaps) >= 4)
    low, high = 2 * one_way * MILLISECOND, (8 * one_way + 500) * MILLISECOND
    judge.expect(
        "cut:first",
        low < gaps[0] <= high,
        f"with a round trip of {2 * one_way} ms and a little, the first repeat comes after {seconds(high)} at most",
        found=f"it came {seconds(gaps[0])} later",
    )
    for earlier, later in itertools.pairwise(gaps[1:]):  # the timer ran before the first of them was sent
        judge.expect(
            "cut:doubles",
            abs(later - 2 * earlier) <= 4 * one_way * MILLISECOND or later >= 60 * SECOND,
            f"after {seconds(earlier)} in vain it waits {seconds(2 * earlier)}",
            found=f"it waits {seconds(later)}",
        )
    again = [said for said in talk.said("a-b") if said.frame.at > end + SECOND and said.frame.lost]
    judge.expect("cut:on", not again, "then nothing is lost any more", found=named(again[0]) if again else "")
    expect_stream(judge, bytes(far.received), says, "b", "order")


def test_as_quick_as_before(judge: Judge) -> None:
    """A loss, a second one later: what was doubled for the first does not count for the second."""
    source = judge.random
    says = noise(24_000, source)
    far = FarEnd(settings=settings(delayed_ack=0.0))
    one, other = source.randint(3, 5), source.randint(12, 14)
    link = {"delay": "50ms", "bw": 1}
    scene = caller(far, says, ("timer",), name="two-losses", link=link, settings={"send_buffer": 1_460})
    faults = f"drop a-b:data:{one}-{one + 3}", f"drop a-b:data:{other}"
    trace = judge.play(scene.scripted(*faults))
    talk = Conversation(trace)
    lost = [said for said in talk.said("a-b") if said.frame.lost]
    judge.bites("the first was lost four times", len([said for said in lost if said.start == lost[0].start]) == 4)
    last = lost[-1]
    again = next(
        (said for said in talk.said("a-b") if said.frame.at > last.frame.at and said.start == last.start), None
    )
    judge.expect(
        "cut:reset",
        again is not None and again.frame.at - last.frame.at < 900 * MILLISECOND,
        f"{named(last)}, which is lost long after, is sent again within 0.9 s",
        found=f"{named(again)} is the repeat",
    )
    expect_stream(judge, bytes(far.received), says, "b", "order")
