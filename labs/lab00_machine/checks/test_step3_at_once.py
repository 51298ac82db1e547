"""Step 3: nobody waits behind another."""

import pytest

from labs.conformance import Asked, asking, drawn, expect_answers
from labs.lab00_machine.scenes import APPLICATION
from labs.story.trace import Trace
from labs.testbed.judge import Judge
from netstack.wire import MILLISECOND

WITHIN = 250 * MILLISECOND  # a clerk's walk takes 200


@pytest.mark.step(3)
@pytest.mark.exact
def test_a_dozen_at_the_same_moment(judge: Judge) -> None:
    """Of twelve who ask at the same moment, each has an answer within 250 ms."""
    everything_within(judge, drawn(judge.random, 12), every=0)


@pytest.mark.step(3)
@pytest.mark.exact
def test_a_new_question_while_clerks_are_walking(judge: Judge) -> None:
    """While clerks are walking, a new question every 30 ms has its answer within 250 ms too."""
    everything_within(judge, drawn(judge.random, 20), every=30 * MILLISECOND)


def everything_within(judge: Judge, asked: list[Asked], *, every: int) -> None:
    trace = judge.play(asking(APPLICATION, asked, every=every))
    expect_answers(judge, trace, APPLICATION, asked, in_order=False)
    slowest, waited = slowest_answer(trace, asked, every=every)
    judge.expect(
        "at-once:time",
        waited <= WITHIN,
        f"each answer is there within {WITHIN // MILLISECOND} ms of its question",
        found=f"{slowest.question.decode()!r} waited {waited / MILLISECOND:.0f} ms",
    )


def slowest_answer(trace: Trace, asked: list[Asked], *, every: int) -> tuple[Asked, int]:
    """Who waited longest, and how long; the nth of equal questions is matched with the nth of equal answers."""
    delivered = trace.at_port("delivered", "machine")
    waits = []
    for index, one in enumerate(asked):
        earlier = asked[:index].count(one)
        times = [event.at for event in delivered if event.payload == one.answer]
        waits.append((times[earlier] - index * every, index))
    waited, index = max(waits)
    return asked[index], waited
