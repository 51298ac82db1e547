"""Step 6: a thousand alerts are one."""

from collections.abc import Callable

import pytest

from labs.lab07_breaker.drills import Message
from labs.lab07_breaker.evidence import crowd_calls, pages, peak, reports
from labs.lab07_breaker.scenes import CLIENTS, PROGRAMS, crowd
from labs.testbed.judge import Judge
from labs.testbed.program.values import Seen
from labs.testbed.unit import Script

pytestmark = pytest.mark.step("6")


class Told:
    """A student's `Alerts` in a unit script."""

    def __init__(self, script: Script, **told: object) -> None:
        self._script = script
        script.make("alerts.Alerts", store="desk", keywords=told)

    def opened(self, source: str, now: float, target: str = "players") -> None:
        """A circuit opens."""
        self._script.call(
            "desk.opened", target, source, keywords={"now": now}, because=f"at {now:g}", label=f"{source}-{now:g}"
        )

    def closed(self, source: str, now: float, target: str = "players") -> None:
        """A circuit closes."""
        self._script.call(
            "desk.closed", target, source, keywords={"now": now}, because=f"at {now:g}", label=f"{source}-{now:g}"
        )

    def due(self, at: object, because: str, label: str) -> None:
        """When it wants to be called."""
        self._script.call("desk.next_timer", returns=at, because=because, label=label)

    def says(self, now: float, messages: object, because: str, label: str) -> None:
        """What it says when it is called."""
        self._script.call("desk.handle_timer", keywords={"now": now}, returns=messages, because=because, label=label)


def _is_over(messages: list[Seen]) -> bool:
    return [(each.attributes["target"], each.attributes["over"]) for each in messages] == [("players", True)]


def _is_a_time(at: object) -> bool:
    return isinstance(at, int | float)


def _since(wanted: float) -> Callable[[list[Seen]], bool]:
    def holds(messages: list[Seen]) -> bool:
        return [each.attributes["since"] for each in messages] == [wanted]

    return holds


def _are_of(*targets: str) -> Callable[[list[Seen]], bool]:
    def holds(messages: list[Seen]) -> bool:
        return sorted(each.attributes["target"] for each in messages) == sorted(targets)

    return holds


@pytest.mark.seeds(1)
def test_what_has_failed(judge: Judge) -> None:
    """A message names what has failed, not who has noticed it; another says that it is over."""
    script = Script("names")
    told = Told(script, gather=0.0)
    told.due(None, "nothing has happened", "idle")
    told.opened("web/17", 10.0)
    told.says(10.0, [Message("players", 10.0, 1)], "players has failed", "target")
    told.says(10.0, [], "it has been told", "once")
    told.closed("web/17", 20.0)
    told.due(20.0, "the only circuit has closed: now", "due")
    told.says(20.5, _is_over, "one message says that it is over", "over")
    told.due(None, "that was that", "idle-again")
    told.opened("web/18", 50.0)
    told.says(55.0, [Message("players", 50.0, 1)], "the next time is another time", "next")
    told.due(_is_a_time, "if nothing more is heard of it, it is over some day", "some-day")
    told.due(350.0, "it would be over 300 seconds after the last report, and not after the message", "from-the-report")
    told.closed("web/18", 60.0)
    told.says(61.0, _since(50.0), "over; it has lasted since 50.0", "over-since")
    told.opened("web/19", 70.0)
    told.says(70.0, [Message("players", 70.0, 1)], "once more", "once-more")
    told.closed("web/19", 80.0)
    told.says(80.0, _is_over, "what is due at 80.0 is told when it is called at 80.0", "punctual")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_one_message(judge: Judge) -> None:
    """Three sources report the same target: one message, when they have been gathered, and one when all is over."""
    script = Script("one")
    told = Told(script)
    told.opened("a", 10.0)
    told.due(15.0, "reports are gathered for five seconds from the first on", "gather")
    told.opened("b", 12.0)
    told.due(15.0, "further ones do not put it off", "not-put-off")
    told.says(14.9, [], "it is not due", "early")
    told.says(15.0, [Message("players", 10.0, 2)], "players, since 10.0, seen by two", "told")
    told.opened("c", 20.0)
    told.says(26.0, [], "a third only counts", "third")
    told.due(320.0, "300 seconds after the last report it would be over", "silence")
    told.closed("a", 30.0)
    told.says(30.5, [], "two are open", "one-closed")
    told.due(330.0, "a closing is something heard of it, too", "heard-closing")
    told.closed("b", 31.0)
    told.closed("c", 32.0)
    told.due(32.0, "the last has closed: now", "due")
    told.says(32.0, [Message("players", 10.0, 3, over=True)], "over; three have seen it", "over")
    told.due(None, "that was that", "idle")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_a_source_is_a_source(judge: Judge) -> None:
    """One circuit opens, and again after each probe: that is one source, and one message."""
    script = Script("again")
    told = Told(script)
    for now in (1.0, 3.0, 5.0):
        told.opened("a", now)
    told.says(6.0, [Message("players", 1.0, 1)], "one source has seen it, three times", "told")
    told.opened("a", 8.0)
    told.says(13.0, [], "and goes on seeing it", "quiet")
    told.closed("z", 15.0)
    told.due(315.0, "something was heard of it, by one that has never opened", "stranger")
    told.closed("a", 20.0)
    told.says(20.0, [Message("players", 1.0, 1, over=True)], "over; one source has opened", "over")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_who_is_told_of_what(judge: Judge) -> None:
    """Two targets are two messages; what closes before it was told is told all the same; what falls silent is over."""
    script = Script("groups")
    told = Told(script, gather=2.0, silence=60.0)
    told.closed("z", 0.5)
    told.due(None, "what has not opened cannot close", "unknown")
    told.opened("a", 1.0)
    told.opened("a", 1.5, "cards")
    told.opened("b", 1.6, "cards")
    told.due(3.0, "the earlier of both", "earlier")
    told.says(3.0, [Message("players", 1.0, 1)], "players is due", "players")
    told.due(3.5, "cards is next", "cards-due")
    told.closed("a", 3.2, "cards")
    told.closed("b", 3.3, "cards")
    told.due(3.5, "gathered is gathered", "cards-due-still")
    both = [Message("cards", 1.5, 2), Message("cards", 1.5, 2, over=True)]
    told.says(3.5, both, "it has been, and it is over", "both")
    told.opened("a", 20.0)
    told.due(80.0, "players was heard of at 20.0, and opened again", "silence")
    told.says(79.0, [], "it may still be heard of", "not-silent")
    told.says(80.0, [Message("players", 1.0, 1, over=True)], "nobody has said anything for 60 seconds", "silent")
    told.due(None, "nothing is left", "nothing")
    told.opened("a", 100.0)
    told.opened("a", 100.5, "cards")
    told.says(103.0, _are_of("players", "cards"), "both are due, so both are told, in any order", "two")
    told.opened("b", 110.0, "teams")
    told.closed("b", 110.5, "teams")
    told.opened("b", 111.0, "teams")
    told.says(112.0, [Message("teams", 110.0, 1)], "it has closed, and opened again: it is not over", "reopened")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_a_thousand_breakers(judge: Judge) -> None:
    """*players* dies before a thousand clients: a thousand breakers open, and whoever is on call hears it once."""
    trace = judge.play(crowd(name="thousand"))
    many = PROGRAMS * CLIENTS
    opened, closed = (sum(state == wanted for _, state in reports(trace)) for wanted in ("open", "closed"))
    most = peak(crowd_calls(trace), end=60)
    text = f"{many} clients call players, as long as their breakers let them"
    judge.expect("thousand:called", most >= many // 8, text, found=f"at most {most} calls in a quarter of a second")
    text = f"the breakers of all {many} clients open, and close when players is well again"
    judge.expect("thousand:open", opened >= many, text, found=f"{opened} reports of an opening; do steps 4 and 5 pass?")
    judge.expect(
        "thousand:closed", closed >= many, text, found=f"{closed} reports of a closing; do steps 4 and 5 pass?"
    )
    told = pages(trace)
    judge.expect(
        "thousand:one",
        len([each for each in told if not each.over]) == 1,
        f"one message says that something has failed, and not {opened}",
        found=f"{len(told)} messages",
    )
    judge.expect("thousand:names", told[0].target == "players", "it names players", found=f"it names {told[0].target}")
    judge.expect(
        "thousand:all",
        told[0].sources == many,
        f"it says that {many} have seen it",
        found=f"it says {told[0].sources}",
    )
    judge.expect(
        "thousand:over",
        [each.over for each in told] == [False, True],
        "and one says that it is over",
        found=f"{len(told)} messages",
    )
    text = f"which has as many sources, {many}, though most of them have opened more than once"
    judge.expect("thousand:once", told[1].sources == many, text, found=f"it says {told[1].sources}")
