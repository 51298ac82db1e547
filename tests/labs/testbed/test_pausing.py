"""A program that gets no processor: what waits for it, and what does not."""

from labs.testbed.channel import Frame, Offer
from labs.testbed.pausing import Pausing
from labs.testbed.scene import Offering, Pause, Port
from netstack.wire import MILLISECOND, SECOND

from .conftest import Theatre
from .test_sim import ANSWERS, ASKS

B = ("b", "main")


def pausing() -> Pausing:
    return Pausing({B: (Pause(10, 20, room=2), Pause(30, 40, room=0))})


def test_frames_wait_while_there_is_room_and_everything_else_waits_anyway() -> None:
    paused = pausing()
    frames = [Frame(0, bytes([number])) for number in range(3)]
    assert paused.arrive(B, [Offer(0, b"before"), *frames[:1]], now=12) is None
    assert paused.arrive(B, [*frames[1:], Offer(0, b"after")], now=13) is None, "the third frame found no room"
    assert paused.arrive(B, [], now=20) == [Offer(0, b"before"), *frames[:2], Offer(0, b"after")]
    assert paused.arrive(B, [], now=21) == [], "nothing is told twice"


def test_it_wakes_when_the_pause_is_over_and_something_was_due_or_waits() -> None:
    paused = pausing()
    assert [paused.wakes_at(B, wants) for wants in (5, 10, 19, 20, 35)] == [5, 20, 20, 20, 40]
    paused.arrive(B, [Frame(0, b"!")], now=15)
    assert paused.wakes_at(B, 1_000) == 20, "it wants nothing before 1,000, but there is a frame for it"
    assert paused.wakes_at(("a", "main"), 15) == 15, "others are not paused"


def test_in_a_play_a_paused_program_says_nothing_and_then_answers_what_waited(stage: Theatre) -> None:
    """a asks every 0.7 s; b, which has room for one frame, sleeps from 1 s to 2.5 s: two questions come meanwhile."""
    b = stage.program(ANSWERS, "b", pauses=(Pause(SECOND, 5 * SECOND // 2, room=1),))
    asked = tuple(Offering(b"?", number * 700 * MILLISECOND) for number in range(4))
    trace = stage.play(ASKS, b, ports=(Port(host="a", offers=asked),)).trace
    assert len(list(trace.frames("a-b"))) == 4
    said = [frame.at // MILLISECOND for frame in trace.frames("b-a")]
    assert said == [100, 800, 2600], "of those at 1.4 s and 2.1 s one waited, one was lost"
