import pytest
from labs.lab90_echo.scenes import asking

from labs.testbed.judge import Judge


@pytest.mark.step(5)
def test_real(judge: Judge) -> None:
    trace = judge.play(asking(b"who?"))
    judge.expect("delivered", trace.delivered("a") == [b"WHO?"], "the answer is delivered")
