"""Unit scripts: what is asked of a student's code, what comes back, and how a difference is told."""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labs.story.values import shown
from labs.testbed.cast import Cast
from labs.testbed.judge import Outcome, Verdict, run_check
from labs.testbed.sim import play
from labs.testbed.unit import Script

STUDENT = """
import dataclasses

@dataclasses.dataclass
class Point:
    x: int
    y: int = 0

class Adder:
    def __init__(self, start=0):
        self.total = start
    def add(self, number):
        self.total += number
        return self.total
    def merge(self, other):
        return self.add(other.total)

def split(data):
    yield data[:1]
    yield data[1:]

def give(value):
    return value

def point(x):
    return Point(x)

def fail(text):
    raise ValueError(text)

def spin():
    while True:
        pass

def endless():
    value = []
    value.append(value)
    return value
"""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Script], Outcome]]:
    own = tmp_path_factory.mktemp("own")
    (own / "student.py").write_text(STUDENT)
    (own / "broken.py").write_text("x = 1 +\n")
    with Cast(own=own) as cast:
        yield lambda script: run_check(
            lambda judge: judge.unit(script), lambda scene, seed: play(scene, cast, seed=seed), [1]
        )


def test_a_script_of_objects_functions_and_attributes(judged: Callable[[Script], Outcome]) -> None:
    script = Script("sums")
    adder = script.make("student.Adder", 5, store="adder")
    other = script.make("student.Adder", store="other", keywords={"start": 30})
    script.call("adder.add", 2, returns=7, because="five and two are seven")
    script.call("adder.merge", other, returns=37, because="and thirty more")
    script.get("adder.total", returns=lambda total: total > 30, because="the total is large")
    script.call("student.split", b"abc", returns=(b"a", b"bc"), because="a generator's values are a list")
    script.call("student.point", 3, returns=lambda point: point.attributes == {"x": 3, "y": 0}, because="it is a point")
    script.call("student.fail", "no", raises=("KeyError", "ValueError"), because="it refuses")
    script.call("student.give", {1: [None, True, 1.5]}, returns={1: [None, True, 1.5]}, because="values travel")
    assert adder.name == "adder"
    outcome = judged(script)
    assert outcome.verdict is Verdict.PASS
    assert [told.held for told in outcome.story] == [None] + [True] * 9


@pytest.mark.parametrize(
    ("call", "how", "found"),
    [
        (("student.give", 1), {"returns": 2}, "it returned 1\nit should return 2"),
        (("student.give", b"~\x00"), {"returns": b"~\x01"}, "it returned <7e 00>\nit should return <7e 01>\n"),
        (("student.give", b"~\x00"), {"returns": b"~\x01"}, "they differ from byte 1 on: 00 where 01 should be"),
        (("student.give", b"ab"), {"returns": b"abc"}, "it has 2 bytes where 3 should be"),
        (("student.give", 1), {"raises": "ValueError"}, "it should raise ValueError; it returned 1"),
        (("student.fail", "no"), {"returns": 1}, 'File "student.py", line 29, in fail'),
        (("student.nothing",), {"returns": 1}, "has no attribute 'nothing'"),
        (("broken.x",), {"returns": 1}, "SyntaxError: invalid syntax"),
        (("absent.x",), {"returns": 1}, "No module named 'absent'"),
        (("student.endless",), {"returns": []}, "nested too deeply"),
        (("student.give", "x"), {"returns": lambda value: value.no_such_thing}, "it returned 'x'"),
        (("student.spin",), {"returns": 1}, "without ever waiting"),
    ],
)
def test_what_is_not_as_it_should_be_is_told(
    judged: Callable[[Script], Outcome], call: tuple[object, ...], how: dict[str, object], found: str
) -> None:
    script = Script("one")
    script.call(*call, because="so it says", **how)  # type: ignore[arg-type]
    script.call("student.give", 1, returns=1, because="never reached")
    outcome = judged(script)
    assert outcome.verdict is Verdict.FAIL
    assert outcome.broken is not None
    assert found in outcome.broken.found
    assert str(Path(sys.prefix)) not in outcome.broken.found
    if "waiting" not in found:
        raised = re.search(r"it raised (\w+)", outcome.broken.found)
        assert outcome.broken.identity == "unit:one:1" + (f":{raised[1]}" if raised else "")
        assert outcome.broken.not_reached == ("student.give(1): never reached",)


def test_an_action_may_have_a_name_of_its_own(judged: Callable[[Script], Outcome]) -> None:
    script = Script("named")
    script.call("student.give", 1, returns=2, because="it is two", label="two")
    outcome = judged(script)
    assert outcome.fingerprint is not None
    assert outcome.fingerprint.expectation == "unit:named:two"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain", "b'plain'"),
        (b"\x00\xff", "<00 ff>"),
        ([b"\x00", (b"x", 1)], "[<00>, (b'x', 1)]"),
        ("\x1b[2J", r"'\x1b[2J'"),
        (10**400, "digits"),
    ],
)
def test_values_are_shown_within_bounds(value: object, text: str) -> None:
    assert len(shown(value)) < 400
    assert text in shown(value) or len(str(value)) > 300
