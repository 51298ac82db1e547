import pytest
from labs.lab90_echo.peers import asked_by_the_judge

from labs.testbed.judge import Judge
from labs.testbed.unit import Script


@pytest.mark.step(1)
def test_capitals(judge: Judge) -> None:
    """An answer is the question in capitals."""
    script = Script("capitals")
    script.call("echo.answer", b"who?", returns=b"WHO?", because="it shouts")
    script.call("echo.answer", b"", returns=b"", because="nothing stays nothing")
    script.call("echo.answer", 7, raises="AttributeError", because="a number is no question")
    judge.unit(script)


@pytest.mark.step(1)
def test_answered_on_the_wire(judge: Judge) -> None:
    """Whoever asks by frame is answered by frame."""
    question = f"number {judge.random.randrange(1000)}?".encode()
    trace = judge.play(asked_by_the_judge(question))
    judge.bites("the question was sent", any(trace.frames("a-b", "question")))
    answers = [frame.data[15:] for frame in trace.frames("b-a", "answer")]
    judge.expect("answered", answers == [question.upper()], "one answer comes back", found=f"{answers}")
