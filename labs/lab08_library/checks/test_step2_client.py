"""Step 2: a client, made once, that knows where instances are, and leaves nothing behind."""

from collections import Counter

import pytest

from labs.conformance import conforms
from labs.lab04_stack.evidence import segments
from labs.lab06_discovery.evidence import ROUTER
from labs.lab06_discovery.scenes import people
from labs.lab08_library.evidence import called, connections, counted, heard
from labs.lab08_library.scenes import APPLICATION, PLAYERS, ill, registered, town
from labs.testbed.judge import Judge
from netstack.packets import FIN
from netstack.wire import MILLISECOND, SECOND

pytestmark = pytest.mark.step("2")


@pytest.mark.seeds(1)
def test_the_application(judge: Judge) -> None:
    """The suite that asks the same questions in every lab: teams on your client gives the same answers."""
    conforms(judge, APPLICATION, count=4)


@pytest.mark.seeds(1)
def test_by_what_they_say_of_themselves(judge: Judge) -> None:
    """Only those are asked who have all attributes that were asked for."""
    test, eu = judge.random.sample(("p1", "p2", "p3"), 2)
    attributes = {
        host: {"environment": "test" if host == test else "production", "region": "eu" if host == eu else "us"}
        for host in ("p1", "p2", "p3")
    }
    players = [registered(host, attributes=told) for host, told in attributes.items()]
    asked = people(20, every=100 * MILLISECOND, begin=SECOND)
    query = {"environment": "production", "region": "eu"}
    trace = judge.play(town("query", players, asked, seconds=6, query=query))
    made = counted(trace, attributes)
    judge.expect(
        "query:others", sum(made.values()) == made[eu], f"{eu} alone is in production and in the eu", found=_told(made)
    )
    judge.expect("query:answers", heard(trace)[0] == len(asked), "and it answers all", found=_told(made))


@pytest.mark.seeds(1)
def test_made_once(judge: Judge) -> None:
    """A client is made once: one connection to each instance serves all questions, and one watch finds them."""
    players = [registered("p1"), registered("p2")]
    asked = people(40, every=100 * MILLISECOND, begin=SECOND)
    trace = judge.play(town("once", players, asked, seconds=8))
    judge.bites("all were answered", heard(trace)[0] == len(asked))
    finds = sum(1 for _ in trace.frames("r-reg", "find"))
    judge.expect(
        "once:found",
        finds <= 5,
        "the registry is asked at the beginning, and then tells what changes",
        found=f"it was asked {finds} times",
    )
    for host in ("p1", "p2"):
        opened = connections(trace, host)
        judge.expect(
            "once:connections",
            opened <= 1,
            f"40 questions, one after another: one connection to {host}",
            found=f"{opened} were opened",
        )


@pytest.mark.seeds(1)
def test_one_budget_and_one_breaker(judge: Judge) -> None:
    """What belongs to the client is made with it: its budget is one for all calls, and so is its breaker."""
    players = [registered(host, ill=[[0, 1e9, "down"]]) for host in ("p1", "p2")]
    requests = judge.random.choice((10, 14, 18))
    asked = people(30, every=200 * MILLISECOND, begin=SECOND)
    terms = {"breaker": {"requests": requests, "sleep": 60.0}, "budget": {"reserve": 0.0}}
    trace = judge.play(town("shared", players, asked, seconds=9, **terms))
    good, bad = heard(trace)
    judge.expect(
        "shared:told", good == 0, "who asks hears an apology", found=f"{good} hear of nobody, {bad} an apology"
    )
    made = sum(counted(trace, ("p1", "p2")).values())
    judge.expect(
        "shared:breaker",
        made == requests,
        f"with the {requests}th call that fails the circuit opens, for all calls of the client",
        found=f"{made} calls were made",
    )


@pytest.mark.seeds(1)
def test_whoever_comes_and_goes(judge: Judge) -> None:
    """An instance comes, another one leaves in order, and returns: calls follow, and nobody hears an apology."""
    comes, leaves = judge.random.uniform(2.0, 2.5), judge.random.uniform(3.5, 4.0)
    returns = leaves + 2.0
    players = [
        registered("p1", end=leaves),
        registered("p1", begin=returns, name="again"),
        registered("p2"),
        registered("p4", begin=comes),
    ]
    asked = people(80, every=100 * MILLISECOND, begin=SECOND)
    trace = judge.play(town("moves", players, asked, seconds=12))
    made = called(trace, ("p1", "p2", "p4"))
    late = [each.at for each in made["p1"] if leaves + 0.5 < each.at < returns]
    judge.bites("the one that leaves was asked before", any(each.at < leaves for each in made["p1"]))
    judge.expect(
        "moves:comes", bool(made["p4"]), f"from {comes:.1f} s on p4 is there, and is asked", found="it was not"
    )
    judge.expect(
        "moves:leaves", not late, f"half a second after {leaves:.1f} s nobody asks p1", found=f"{len(late)} did"
    )
    judge.expect(
        "moves:returns",
        any(each.at > returns for each in made["p1"]),
        f"from {returns:.1f} s on p1 is there again, and is asked",
        found="it was not",
    )
    good, bad = heard(trace)
    judge.expect("moves:answers", bad == 0, "nobody hears an apology", found=f"{bad} did, and {good} an answer")


@pytest.mark.seeds(1)
def test_only_with_a_key_twice(judge: Judge) -> None:
    """What was perhaps done is tried again if the call has a key, and not otherwise."""
    for keys, wanted in ((True, 9), (False, 3)):
        players = [registered(host, ill=[[0, 1e9, "down"]]) for host in ("p1", "p2")]
        asked = people(3, every=SECOND, begin=SECOND)
        trace = judge.play(town("keys" if keys else "no-keys", players, asked, seconds=6, keys=keys))
        made = sum(counted(trace, ("p1", "p2")).values())
        judge.expect(
            f"key:{'with' if keys else 'without'}",
            made == wanted,
            f"three questions {'with' if keys else 'without'} a key, which fail and were perhaps done: {wanted} calls",
            found=f"{made} were made",
        )


@pytest.mark.seeds(1)
def test_the_stack_is_changed(judge: Judge) -> None:
    """`stack` gets the stack of roles, and what it returns is used."""
    players = [registered(host, **ill("down")) for host in ("p1", "p2")]
    asked = people(3, every=SECOND, begin=SECOND)
    trace = judge.play(town("changed", players, asked, seconds=6, changes=[["retries"]]))
    made = sum(counted(trace, ("p1", "p2")).values())
    judge.expect(
        "changed:calls", made == 3, "without retries three questions are three calls", found=f"{made} were made"
    )


@pytest.mark.seeds(1)
def test_any_service(judge: Judge) -> None:
    """The client is of the service that it was made for, and as patient as its settings say."""
    asked, tries = people(3, every=SECOND, begin=SECOND), judge.random.choice((2, 4))
    trace = judge.play(town("squads", [registered("p1", service="squads")], asked, seconds=6, service="squads"))
    judge.expect(
        "name:answers",
        heard(trace)[0] == len(asked),
        "the service `squads` has the method `of` in `squads.Squads`, and answers",
        found=f"{heard(trace)[1]} of {len(asked)} heard an apology",
    )
    players = [registered(host, **ill("down")) for host in ("p1", "p2")]
    trace = judge.play(town("patience", players, asked, seconds=6, settings={"tries": tries}))
    made = counted(trace, ("p1", "p2"))
    judge.expect(
        "settings:tries",
        sum(made.values()) == len(asked) * tries,
        f"by `settings` a call is tried {tries} times: {len(asked) * tries} calls in all",
        found=_told(made),
    )


@pytest.mark.seeds(1)
def test_nothing_stays(judge: Judge) -> None:
    """A client is cancelled: its connections end, all of them, and they are those that `connect` has opened."""
    players = [registered("p1", end=2.0), registered("p2"), registered("p3")]
    asked = people(30, every=100 * MILLISECOND, begin=SECOND)
    trace = judge.play(town("ends", players, asked, seconds=8, end=5.0, hears=["ways"]))
    for host in PLAYERS:
        judge.bites(f"{host} was asked", bool(called(trace, [host])[host]))
    told = Counter(what for what, _, _ in (way.decode().partition(" ") for way in trace.delivered("a", "ways")))
    judge.expect(
        "connect:used",
        told["opened"] == len(PLAYERS),
        "`connect` makes the way to each of three instances",
        found=f"it was asked for {told['opened']}",
    )
    judge.expect(
        "ends:cancelled",
        told["closing"] == told["closed"],
        "what has begun to close is closed, although the client is cancelled",
        found=f"{told['closing']} `aclose()` were begun, and {told['closed']} came to their end",
    )
    for host in ("p2", "p3"):
        ended = [one.at / SECOND for one in segments(trace, f"{ROUTER}-{host}") if one.has(FIN)]
        judge.expect(
            "ends:closed",
            bool(ended) and max(ended) < 5.5,
            f"the client is cancelled at 5.0 s, and its connection to {host} ends",
            found="it stays open" if not ended else f"it ends at {max(ended):.1f} s",
        )


def _told(made: dict[str, int]) -> str:
    return ", ".join(f"{host}: {count} calls" for host, count in made.items())
