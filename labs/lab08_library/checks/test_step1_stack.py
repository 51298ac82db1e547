"""Step 1: the stack. Each order is judged by what it does, not by how it looks."""

import hashlib
from functools import partial

import pytest

from labs.grading.reference import BROUGHT
from labs.lab06_discovery.scenes import people
from labs.lab08_library.evidence import called, counted, counts, heard, waits
from labs.lab08_library.scenes import GONE, PLAYERS, WELL, ill, listed
from labs.lab08_library.topology import Town
from labs.testbed.judge import Judge
from labs.testbed.scene import Offering, Port, Program, Scene
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("1")

HANGS = ill("hangs")
DOWN = dict.fromkeys(PLAYERS, ill("down"))
TAKEN = ("leases.py", "balance.py", "budget.py", "breaker.py")


@pytest.mark.seeds(1)
def test_the_same_files(judge: Judge) -> None:
    """`leases.py`, `balance.py`, `budget.py` and `breaker.py` are those that you brought along, byte for byte."""
    names = (BROUGHT, *TAKEN)
    scene = Scene(
        name="files",
        topology=Town,
        programs=(Program(host="a", file="files.py"),),
        ports=(Port(host="a", offers=tuple(Offering(name.encode()) for name in names), enough=len(names)),),
    )
    brought, *files = judge.play(scene).delivered("a")
    told = (line.partition("  ") for line in brought.decode("ascii", "replace").splitlines())
    known = {name: digest for digest, _, name in told}
    for name, content in zip(TAKEN, files, strict=True):
        digest = hashlib.sha256(content).hexdigest()
        judge.expect(
            "same:files",
            known.get(name) == digest,
            f"{name} has the SHA-256 that {BROUGHT} names: what was in a service is in a library now",
            found=f"it has {digest}, and {BROUGHT} says {known.get(name, 'nothing')}",
        )


@pytest.mark.seeds(1)
def test_a_retry_picks_again(judge: Judge) -> None:
    """One of three instances is gone, and nobody has said so: every question is answered, by one of the others."""
    gone = judge.random.choice(PLAYERS)
    players = {host: GONE if host == gone else WELL for host in PLAYERS}
    asked = people(12, every=200 * MILLISECOND, begin=SECOND)
    trace = judge.play(_in_turn("one-gone", players, asked, seconds=8))
    good, bad = heard(trace)
    judge.expect(
        "again:answers",
        good == len(asked),
        f"{gone} is not there; a try that meets it is made again, elsewhere: all {len(asked)} are answered",
        found=f"{good} were, and {bad} heard an apology",
    )


@pytest.mark.seeds(1)
def test_one_budget_for_all(judge: Judge) -> None:
    """All instances are down: retries are at most a fifth of the questions, for the client as a whole."""
    count = judge.random.choice((30, 40, 50))
    asked = people(count, every=50 * MILLISECOND, begin=SECOND)
    terms = {"breaker": {"requests": 1000}, "budget": {"reserve": 0.0}}
    trace = judge.play(_in_turn("poor", DOWN, asked, seconds=8, **terms))
    made = counted(trace, PLAYERS)
    wanted = count + count // 5
    text = f"{count} questions, and {count // 5} retries: {wanted} calls in all"
    judge.expect("budget:none", sum(made.values()) > count, text, found=f"{_told(made)}: nothing was tried again")
    judge.expect("budget:more", sum(made.values()) <= wanted, text, found=_told(made))
    judge.expect("budget:fewer", sum(made.values()) >= wanted - 1, text, found=_told(made))


@pytest.mark.seeds(1)
def test_the_breaker_sees_each_try_at_any_instance(judge: Judge) -> None:
    """All instances are down: the breaker opens when so many *tries* have failed, wherever they went."""
    requests = judge.random.choice((8, 9, 10))
    asked = people(24, every=200 * MILLISECOND, begin=SECOND)
    terms = {"breaker": {"requests": requests, "sleep": 60.0}}
    two = {host: ill("down") for host in ("p1", "p2")}
    trace = judge.play(_in_turn("tripped", two, asked, seconds=8, **terms))
    made = counted(trace, two)
    text = f"with the {requests}th try that fails the circuit opens: {requests} calls in all"
    judge.expect("breaker:each", set(made.values()) != {requests}, text, found=f"{_told(made)}: so many each")
    judge.expect("breaker:more", sum(made.values()) <= requests, text, found=_told(made))
    judge.expect("breaker:fewer", sum(made.values()) == requests, text, found=_told(made))
    last = waits(trace)[f"Team {len(asked) - 1}"]
    judge.expect(
        "breaker:late", last < 0.001, "then people hear at once that it is of no use", found=f"after {last:.3f} s"
    )


@pytest.mark.seeds(1)
def test_how_often_a_call_is_made(judge: Judge) -> None:
    """All instances are down: a call with a key is tried `settings.tries` times; one without a key once."""
    tries = judge.random.choice((2, 4))
    asked = people(3, every=SECOND, begin=SECOND)
    for keys, wanted in ((True, 3 * tries), (False, 3)):
        terms = {"settings": {"tries": tries}, "breaker": {"requests": 1000}, "keys": keys}
        trace = judge.play(_in_turn("tries" if keys else "no-keys", DOWN, asked, seconds=6, **terms))
        made = counted(trace, PLAYERS)
        judge.expect(
            "tries:count" if keys else "tries:keyless",
            sum(made.values()) == wanted,
            f"three questions {'with' if keys else 'without'} a key, up to {tries} tries each: {wanted} calls",
            found=_told(made),
        )


@pytest.mark.exact
@pytest.mark.seeds(1)
def test_a_try_has_its_time_and_all_tries_together_have_theirs(judge: Judge) -> None:
    """A try that hangs leaves time for another; and however many there are, the caller waits no longer than he can."""
    timeout = judge.random.choice((0.3, 0.4))
    asked = people(3, every=2 * SECOND, begin=SECOND)
    settings = {"timeout": timeout, "deadline": 5.0}
    one = judge.play(_in_turn("one-hangs", {"p1": HANGS, "p2": WELL}, asked, seconds=8, settings=settings))
    judge.bites("somebody met the one who hangs", bool(called(one, ["p1"])["p1"]))
    longest = max(waits(one).values())
    _, bad = heard(one)
    judge.expect(
        "time:try", bad == 0, f"a try ends after {timeout} s, and another one is made", found=f"{bad} heard an apology"
    )
    judge.expect(
        "time:long",
        timeout < longest < timeout + 0.1,
        f"whoever met the one who hangs is answered soon after {timeout} s",
        found=f"after {longest:.3f} s",
    )
    settings = {"timeout": timeout, "deadline": 2.5 * timeout}
    both = judge.play(
        listed(
            "all-hang", dict.fromkeys(PLAYERS, ill("hangs")), asked, seconds=8, balancer="in turn", settings=settings
        )
    )
    longest = max(waits(both).values(), default=float("inf"))
    judge.expect(
        "time:all",
        longest < 2.5 * timeout + 0.001,
        f"three tries would take longer, but after {2.5 * timeout:g} s people hear that it is of no use",
        found=f"after {longest:.3f} s",
    )
    tries = len(called(both, PLAYERS)["p1"]) + len(called(both, PLAYERS)["p2"]) + len(called(both, PLAYERS)["p3"])
    judge.expect(
        "time:tries", tries == 9, "three tries are begun of each of three questions", found=f"{tries} calls were made"
    )


@pytest.mark.exact
@pytest.mark.seeds(1)
def test_one_who_hangs_is_left_alone(judge: Judge) -> None:
    """One instance hangs: five tries are lost on it, one after another, and then it is left alone."""
    hangs = judge.random.choice(PLAYERS)
    players = {host: HANGS if host == hangs else WELL for host in PLAYERS}
    asked = people(60, every=100 * MILLISECOND, begin=SECOND)
    settings = {"timeout": 0.05, "deadline": 2.0}
    trace = judge.play(_in_turn("one-hangs", players, asked, seconds=3.4, settings=settings))
    made = counted(trace, PLAYERS)
    text = f"{hangs} does not answer; five time-outs in a row are five failures, and it is passed over"
    judge.expect("accrual:more", made[hangs] <= 5, text, found=_told(made))
    judge.expect("accrual:fewer", made[hangs] == 5, text, found=_told(made))
    _, bad = heard(trace)
    judge.expect("accrual:answers", bad == 0, "every question is answered, in the end", found=f"{bad} apologies")


@pytest.mark.exact
@pytest.mark.seeds(1)
def test_what_is_counted(judge: Judge) -> None:
    """The statistics count questions, not tries; and what was too late, or refused, is a failure."""
    late, refused = judge.random.randint(3, 6), judge.random.randint(3, 9)
    asked = people(late + refused, every=SECOND, begin=SECOND)
    terms = {"settings": {"timeout": 0.4, "deadline": 0.6}, "breaker": {"requests": late + 1, "sleep": 99.0}}
    trace = judge.play(
        _in_turn(
            "counted",
            dict.fromkeys(PLAYERS, HANGS),
            asked,
            seconds=len(asked) + 3,
            counted=len(asked) + 2,
            **terms,
        )
    )
    told = counts(trace)
    judge.expect(
        "counts:requests",
        told["requests"] == len(asked),
        f"{len(asked)} questions are {len(asked)} requests, however often each is tried",
        found=str(told),
    )
    wanted = {"DEADLINE_EXCEEDED": late, "UNAVAILABLE": refused}
    judge.expect(
        "counts:ended", told["ended"] == wanted, f"{late} end too late, and {refused} are refused", found=str(told)
    )


_in_turn = partial(listed, balancer="in turn")


def _told(made: dict[str, int]) -> str:
    return ", ".join(f"{host}: {count} calls" for host, count in made.items())
