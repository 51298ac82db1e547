"""A failure in words: short, with what differs, what was not reached, and what to do next."""

from pathlib import Path

import pytest

from labs.course import Lab, open_course
from labs.grading.checks import Check
from labs.grading.examination import CheckResult, StepResult
from labs.story import narrate
from labs.story.calls import calls
from labs.story.trace import FrameEvent
from labs.testbed.judge import Broken, Judge, Outcome, Told, Verdict

MOST_ROWS = 40


@pytest.fixture(scope="module")
def lab() -> Lab:
    return next(lab for lab in open_course().labs() if lab.number == "3")


def check(sentence: str) -> Check:
    def function(judge: Judge) -> None:
        """Whatever."""

    return Check(
        name="test_made_up", step="4", function=function, sentence=sentence, testbeds=("sim",), seeds=None,
        exact=False, hint="", file=Path(__file__),
    )  # fmt: skip


def frame(number: int, credit: int) -> bytes:
    """An acknowledgement of lab 3."""
    header = bytes.fromhex("020000000100 020000000200 88b5 0200")
    return header + number.to_bytes(4, "big") + credit.to_bytes(2, "big") + bytes(2)


def sent(number: int, credit: int) -> FrameEvent:
    return FrameEvent(5_000_000, "b-a", "ack", 3, frame(number, credit), None, (), (), None)


def failed(story: list[Told], broken: Broken) -> Outcome:
    return Outcome(verdict=Verdict.FAIL, seed=7, seeds_tried=1, story=story, broken=broken)


def explained(lab: Lab, outcome: Outcome, *, passed: int = 0, later: int = 0, hint: str = "") -> str:
    results = [
        *(CheckResult(check=check(f"check {n} passes"), verdict=Verdict.PASS, testbed="sim") for n in range(passed)),
        CheckResult(check=check("credit is room"), verdict=outcome.verdict, testbed="sim", outcome=outcome),
    ]
    not_reached = tuple(check(f"check {n} would come") for n in range(later))
    result = StepResult(step=lab.step("4"), results=tuple(results), not_reached=not_reached)
    return narrate.explain(result, lab, Path("/nowhere"), hint=hint, replay="./lab replay 3", report=Path("r.html"))


def test_a_frame_stands_beside_the_one_expected_field_by_field(lab: Lab) -> None:
    broken = Broken("grant", "there is room for 7", found="b said 8", frame=sent(16, 8), wanted=frame(16, 7))
    told = explained(lab, failed([Told("grant", "there is room for 7", False)], broken))
    assert "b-a:ack:3:  all before 16 have come; room for 8 more" in told
    assert "b-a:ack:3 beside the frame expected:\n        credit  8, not 7\n" in told
    assert "number" not in told, "what is as it should be is not told"


def test_a_frame_stands_beside_one_that_was_right(lab: Lab) -> None:
    broken = Broken("grant", "it goes on", frame=sent(16, 8), wanted=sent(15, 8))
    told = explained(lab, failed([Told("grant", "it goes on", False)], broken))
    assert "beside b-a:ack:3, which was right:\n        number  16, not 15\n" in told


def test_a_frame_that_came_at_the_wrong_time_has_no_field_to_show(lab: Lab) -> None:
    broken = Broken("grant", "it comes at once", frame=sent(16, 8), wanted=frame(16, 8))
    assert "beside" not in explained(lab, failed([Told("grant", "it comes at once", False)], broken))


def test_a_long_story_is_told_by_its_end(lab: Lab) -> None:
    names = [chr(ord("a") + n % 26) * (n + 1) for n in range(90)]
    story = [Told("play", "played 'x' with drop a-b:data:2"), *(Told(name, f"{name} holds", True) for name in names)]
    broken = Broken("end", "the end holds", found="\n".join(f"line {n}" for n in range(99)))
    story.append(Told("end", "the end holds", False))
    told = explained(lab, failed(story, broken), passed=7, later=9, hint="look " * 30)
    assert len(told.splitlines()) <= MOST_ROWS
    for words in ("passed       7 checks", "not reached  9 checks", "played 'x' with drop", "lines, all of which held",
                  "BROKEN the end holds", "line 98", "hint: look", "./lab replay 3", "report: r.html"):  # fmt: skip
        assert words in told
    assert "line 3\n" not in told


def unit() -> Outcome:
    story = [
        Told("unit:u", "ran 'u'"),
        Told("unit:u:1", "Ack(1, 2) = netstack.flow.messages.Ack(1, 2)", True, came="None"),
        Told("unit:u:2", "spender = credit.Spender()", True, came="None"),
        Told("unit:u:3", "spender.may_send(3): 3 comes before 4", True, came="True", wanted="True"),
        Told("unit:u:4", "spender.may_send(4): 4 is the first that may not", False, came="True", wanted="False"),
    ]
    broken = Broken("unit:u:4", story[-1].text, found="it returned True", not_reached=["one", "two"])
    return failed(story, broken)


def test_a_unit_script_is_replayed_call_by_call() -> None:
    assert "\n".join(calls(unit())).splitlines() == [
        "   spender = credit.Spender()",
        "   spender.may_send(3): 3 comes before 4",
        "       came back  True, as expected",
        ">> spender.may_send(4): 4 is the first that may not",
        "       came back  True",
        "       expected   False",
        "   2 more calls, which count for nothing after this",
    ]


def test_what_we_make_for_a_script_is_no_line_of_its_story(lab: Lab) -> None:
    told = explained(lab, unit())
    assert "netstack.flow.messages" not in told
    assert "not reached: 2 more of these calls" in told
    assert "tells each call" in told


def test_an_inconclusive_check_says_what_to_do(lab: Lab) -> None:
    outcome = Outcome(verdict=Verdict.INCONCLUSIVE, seed=7, seeds_tried=5, story=[], reason="nothing was lost")
    told = " ".join(explained(lab, outcome).split())
    assert "nothing in it for you to mend" in told
    assert "hint" not in told
