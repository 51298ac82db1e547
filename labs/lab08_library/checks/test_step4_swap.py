"""Step 4: a role is replaced, taken out, added, and all others stay."""

from collections.abc import Set

import pytest

from labs.lab06_discovery.scenes import people
from labs.lab08_library.evidence import called, counted, heard
from labs.lab08_library.scenes import PLAYERS, ill, registered, town
from labs.story.trace import Trace
from labs.testbed.judge import Judge
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("4")


@pytest.mark.seeds(1)
def test_in_turn(judge: Judge) -> None:
    """`in_turn`: one instance takes longer than the others, and gets as many questions as they."""
    slow = judge.random.choice(PLAYERS)
    players = [registered(host, takes=0.2 if host == slow else 0.0) for host in PLAYERS]
    asked = people(30, every=100 * MILLISECOND, begin=SECOND)
    trace = judge.play(town("in-turn", players, asked, seconds=6, swap="in_turn"))
    made = counted(trace, PLAYERS)
    judge.expect("turn:calls", set(made.values()) == {10}, "30 questions, 10 for each of the three", found=_told(made))


@pytest.mark.seeds(1)
def test_in_turn_changes_nothing_else(judge: Judge) -> None:
    """`in_turn`: the other roles are there as before: what fails is tried again, and in the end a circuit opens."""
    requests = judge.random.choice((9, 12))
    players = [registered(host, **ill("down")) for host in PLAYERS]
    asked = people(15, every=200 * MILLISECOND, begin=SECOND)
    terms = {"breaker": {"requests": requests, "sleep": 60.0}}
    trace = judge.play(town("in-turn-down", players, asked, seconds=6, swap="in_turn", **terms))
    made = counted(trace, PLAYERS)
    judge.expect("turn:others", sum(made.values()) == requests, f"{requests} calls until it opens", found=_told(made))


@pytest.mark.seeds(1)
def test_unguarded(judge: Judge) -> None:
    """`unguarded`: all are down, and no circuit opens; one hangs, and is asked as often as any other."""
    players = [registered(host, **ill("down")) for host in PLAYERS]
    asked = people(20, every=100 * MILLISECOND, begin=SECOND)
    terms = {"breaker": {"requests": 6, "sleep": 60.0}, "budget": {"reserve": 0.0}}
    trace = judge.play(town("unguarded-down", players, asked, seconds=6, swap="unguarded", **terms))
    made = counted(trace, PLAYERS)
    text = "20 questions and 4 retries: 24 calls, for nothing opens"
    judge.expect("unguarded:retries", sum(made.values()) != len(asked), text, found=f"{_told(made)}: none twice")
    judge.expect("unguarded:fewer", sum(made.values()) >= 23, text, found=_told(made))
    judge.expect("unguarded:more", sum(made.values()) <= 24, f"{text}, and the budget is there", found=_told(made))
    hangs = judge.random.choice(PLAYERS)
    players = [registered(host, **(ill("hangs") if host == hangs else {})) for host in PLAYERS]
    terms = {"balancer": "in turn", "settings": {"timeout": 0.05}, "breaker": {"requests": 1000}}
    asked = people(60, every=100 * MILLISECOND, begin=SECOND)
    trace = judge.play(town("unguarded-hangs", players, asked, seconds=8, swap="unguarded", **terms))
    made = counted(trace, PLAYERS)
    judge.expect("unguarded:judged", made[hangs] >= 20, f"nobody judges {hangs}, which hangs", found=_told(made))
    _expect_roles(judge, trace, "unguarded", gone={"breaker", "accrual"})
    _, bad = heard(trace)
    judge.expect("unguarded:answers", bad == 0, "each try has its time, and is made again", found=f"{bad} apologies")


@pytest.mark.seeds(1)
def test_noted(judge: Judge) -> None:
    """`noted`: each try is noted, with the name of the instance that it goes to, in order."""
    down = judge.random.choice(PLAYERS)
    players = [registered(host, **(ill("down") if host == down else {})) for host in PLAYERS]
    asked = people(25, every=100 * MILLISECOND, begin=SECOND)
    trace = judge.play(town("noted", players, asked, seconds=6, swap="noted", balancer="in turn"))
    made = sorted((call.at, host) for host, found in called(trace, PLAYERS).items() for call in found)
    judge.bites("something was tried again", len(made) > len(asked))
    notes = [payload.decode("utf-8", "replace") for payload in trace.delivered("a", "notes")]
    text = f"{len(made)} tries are made of {len(asked)} questions, and each is noted"
    judge.expect("noted:failed", len(notes) != len(asked), text, found="a note for each question, and not for each try")
    judge.expect("noted:count", len(notes) == len(made), text, found=f"{len(notes)} notes")
    judge.expect(
        "noted:names",
        notes == [host for _, host in made],
        "each note is the name of the instance that the try goes to",
        found=f"{notes[:6]} instead of {[host for _, host in made][:6]}",
    )
    _expect_roles(judge, trace, "noted", new={"notes"})
    written = [event.at for event in trace.at_port("delivered", "a", "notes")]
    judge.expect(
        "noted:before",
        all(note < call * SECOND for note, (call, _) in zip(written, made, strict=True)),
        "each note is written before its try is on the wire",
        found="some come later",
    )
    judge.expect("noted:answers", heard(trace)[1] == 0, "and all are answered as before", found="some are not")


@pytest.mark.seeds(1)
def test_one_after_another(judge: Judge) -> None:
    """`unguarded`, and then `noted`: whoever adds a role needs no breaker and no accrual for it."""
    players = [registered(host) for host in PLAYERS]
    asked = people(6, every=100 * MILLISECOND, begin=SECOND)
    trace = judge.play(town("both", players, asked, seconds=3, swap="unguarded noted"))
    notes = len(trace.delivered("a", "notes"))
    judge.expect("both:notes", notes == len(asked), "six questions, six notes", found=f"{notes} notes")


def _expect_roles(
    judge: Judge, trace: Trace, name: str, *, gone: Set[str] = frozenset(), new: Set[str] = frozenset()
) -> None:
    before, after = (set(told.decode().split()) for told in trace.delivered("a", "roles"))
    wanted = (before - gone) | new
    text = f"of `{name}` come the roles {', '.join(sorted(wanted))}"
    judge.expect(f"{name}:roles", after == wanted, text, found=", ".join(sorted(after)))


def _told(made: dict[str, int]) -> str:
    return ", ".join(f"{host}: {count} calls" for host, count in made.items())
