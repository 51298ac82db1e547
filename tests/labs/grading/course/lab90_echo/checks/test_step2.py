import pytest
from labs.lab90_echo.scenes import asking

from labs.testbed.judge import Judge


@pytest.mark.step(2)
@pytest.mark.hint("Count the questions on the wire.")
def test_answered(judge: Judge) -> None:
    """A question is answered."""
    trace = judge.play(asking(b"who?"))
    delivered = trace.delivered("a")
    judge.expect("delivered", delivered == [b"WHO?"], "the answer is delivered", found=f"{delivered}")


@pytest.mark.step(2)
@pytest.mark.seeds(2)
def test_asked_again(judge: Judge) -> None:
    """A lost question is asked again."""
    trace = judge.play(asking(b"who?").scripted("drop a-b:question:1"))
    judge.bites("a question was lost", any(frame.lost for frame in trace.frames("a-b", "question")))
    asked = list(trace.frames("a-b", "question"))
    judge.expect("again", len(asked) == 2, "it is asked twice", found=f"asked {len(asked)} times")
    judge.expect("answered", trace.delivered("a") == [b"WHO?"], "and answered once", found=f"{trace.delivered('a')}")
