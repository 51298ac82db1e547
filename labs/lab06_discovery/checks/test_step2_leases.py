"""Step 2: who is there, until when that is believed, and who fits."""

import random
from collections.abc import Iterator

import pytest

from labs.lab06_discovery.evidence import arrived, lists, named, sweeps
from labs.lab06_discovery.peers import PRODUCTION, are, are_all_of, instance, near, random_source
from labs.lab06_discovery.scenes import instance as running
from labs.lab06_discovery.scenes import looking, players, registry, scene
from labs.testbed.judge import Judge
from labs.testbed.program.values import Stored
from labs.testbed.unit import Script
from netstack.wire import SECOND

pytestmark = pytest.mark.step("2")

DURATION, SWEEP = 90.0, 60.0
EDGE = 0.5
"""Seconds around a sweep in which an answer may be either."""


def made(script: Script, *, store: str = "registry", **keywords: object) -> None:
    """A registry that does not preserve itself, in the student's process."""
    source = random_source(script, 1)
    script.make("leases.Registry", store=store, keywords={"randomness": source, "preserves_itself": False, **keywords})


def register(script: Script, who: Stored, now: float, label: str = "register") -> None:
    """Have an instance registered."""
    script.call("registry.register", who, keywords={"now": now}, because="it is there", label=label)


@pytest.mark.seeds(1)
def test_who_fits(judge: Judge) -> None:
    """A query names attributes that must all fit; who is found comes in the order of names."""
    script = Script("find")
    made(script)
    region = {"region": "eu"}
    for name, attributes in (("p2", PRODUCTION | region), ("p3", {"environment": "test"}), ("p1", PRODUCTION)):
        register(script, instance(script, name, attributes), 0.0)
    for name in ("t1", "p1"):
        register(script, instance(script, name, service="teams"), 0.0)
    for label, query, wanted in (
        ("all", {}, ("p1", "p2", "p3")),
        ("one", PRODUCTION, ("p1", "p2")),
        ("both", PRODUCTION | region, ("p2",)),
        ("nobody", {"environment": "production", "region": "us"}, ()),
        ("unknown", {"colour": "red"}, ()),
    ):
        because = f"of players, {', '.join(wanted) or 'nobody'} fits" if query else "without attributes all fit"
        script.call("registry.find", "players", query, returns=are(*wanted), because=because, label=label)
    script.call("registry.find", "players", returns=are("p1", "p2", "p3"), because="a query may be left out")
    script.call("registry.find", "referees", {}, returns=are(), because="nobody plays referee", label="service")
    moved = instance(script, "p1", PRODUCTION | region | {"moved": "yes"})
    register(script, moved, 1.0, label="replace")
    because = "who registers again is who it says now, and not there twice"
    script.call("registry.find", "players", PRODUCTION | region, returns=are("p1", "p2"), because=because, label="once")
    script.call("builtins.len", Stored("registry"), returns=5, because="there are three of players, and two of teams")
    script.call("registry.find", "teams", returns=are("p1", "t1"), because="its p1 is another one", label="namesake")
    everybody = are_all_of(("p1", "p1", "p2", "p3", "t1"))
    script.call("builtins.list", Stored("registry"), returns=everybody, because="these", label="iter")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_what_it_says_of_itself(judge: Judge) -> None:
    """Who is not up is there, and is not found; who goes in order is gone at once; who is unknown is told so."""
    script = Script("status")
    made(script)
    register(script, instance(script, "p1"), 0.0)
    register(script, instance(script, "p2"), 0.0)
    out = script.make("mesh.instances.Status", "OUT_OF_SERVICE", store="out")
    up = script.make("mesh.instances.Status", "UP", store="up")
    script.call("registry.set_status", "players", "p2", up, keywords={"now": 50.0}, because="p2 is well")
    script.call("registry.set_status", "players", "p1", out, keywords={"now": 50.0}, because="p1 is being mended")
    script.call("registry.find", "players", {}, returns=are("p2"), because="p1 is not up", label="down")
    script.call("registry.find", "players", PRODUCTION, returns=are("p2"), because="though p1 fits", label="down-fits")
    script.call("builtins.len", Stored("registry"), returns=2, because="it is there all the same", label="there")
    both = are_all_of(("p1", "p2"))
    script.call(
        "builtins.list", Stored("registry"), returns=both, because="all are, whatever their status", label="all"
    )
    script.call("registry.renew", "players", "p1", keywords={"now": 60.0}, because="p1 is alive, and no more")
    script.call("registry.find", "players", {}, returns=are("p2"), because="p1 is not up still", label="still-down")
    because = "both have spoken at 50 or later"
    script.call("registry.handle_timer", keywords={"now": 120.0}, returns=are(), because=because, label="says")
    script.call("registry.set_status", "players", "p1", up, keywords={"now": 130.0}, because="p1 is back")
    script.call("registry.find", "players", {}, returns=are("p1", "p2"), because="both are up", label="up")
    script.call(
        "registry.set_status", "players", "p1", out, keywords={"now": 131.0}, because="p1 is being mended again"
    )
    register(script, Stored("players_p1"), 132.0)
    because = "who registers again is who it says now, and it says that it is up"
    script.call("registry.find", "players", {}, returns=are("p1", "p2"), because=because, label="anew")
    script.call("registry.cancel", "players", "p2", because="p2 goes in order")
    script.call("registry.find", "players", {}, returns=are("p1"), because="p2 has gone", label="gone")
    for label, method, service, name, *more in (
        ("renew-unknown", "renew", "players", "p2"),
        ("cancel-unknown", "cancel", "players", "p2"),
        ("other-service", "renew", "teams", "p1"),
        ("status-unknown", "set_status", "players", "p2", up),
    ):
        because = f"{name} of {service} is not registered"
        keywords = {} if method == "cancel" else {"now": 140.0}
        script.call(
            f"registry.{method}",
            service,
            name,
            *more,
            keywords=keywords,
            raises="NoLease",
            because=because,
            label=label,
        )
    script.call("registry.cancel", "players", "p1", because="p1 goes, too")
    script.call("registry.next_timer", returns=None, because="nobody is left to sweep", label="all-gone")
    register(script, Stored("players_p2"), 400.0)
    script.call("registry.next_timer", returns=near(460.0), because="it begins anew", label="begins-anew")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_a_renewal_counts(judge: Judge) -> None:
    """Whoever renews stays; whoever has been silent for minutes goes, and the sweep says who that was."""
    script = Script("renewal")
    made(script)
    register(script, instance(script, "p1"), 0.0)
    register(script, instance(script, "p2"), 0.0)
    sweep = "registry.handle_timer"
    script.call(sweep, keywords={"now": 60.0}, returns=are(), because="both have spoken a minute ago", label="minute")
    for name in ("p1", "p2"):
        script.call("registry.renew", "players", name, keywords={"now": 80.0}, because=f"{name} is alive")
    because = "both have renewed 40 s ago"
    script.call(sweep, keywords={"now": 120.0}, returns=are(), because=because, label="renewed")
    script.call("registry.renew", "players", "p2", keywords={"now": 130.0}, because="p2 is alive")
    script.call("registry.renew", "players", "p2", keywords={"now": 270.0}, because="p2 is alive")
    because = "the sweep is late, and p1 has been silent for 230 s"
    script.call(sweep, keywords={"now": 310.0}, returns=are("p1"), because=because, label="silent")
    script.call("registry.next_timer", returns=near(370.0), because="a minute after the last one", label="late")
    register(script, Stored("players_p2"), 311.0)
    script.call("registry.next_timer", returns=near(370.0), because="p2 was there before", label="not-put-off")
    because = "p2 has registered again 59 s ago"
    script.call(sweep, keywords={"now": 370.0}, returns=are(), because=because, label="registered-again")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_a_lease_runs_out(judge: Judge) -> None:
    """By the second: the first sweep a minute after the first registration, and who is silent for more than 90 s."""
    script = Script("sweeps")
    made(script)
    timer, sweep = "registry.next_timer", "registry.handle_timer"
    script.call(timer, returns=None, because="nobody is there: there is nothing to sweep", label="no-timer")
    script.call(sweep, keywords={"now": 5.0}, returns=are(), because="nothing is due", label="nothing")
    register(script, instance(script, "p1"), 10.0)
    script.call(timer, returns=near(70.0), because="a minute after the first registration", label="first")
    register(script, instance(script, "p2"), 30.0)
    register(script, instance(script, "p3"), 60.0)
    script.call(timer, returns=near(70.0), because="that others come makes no difference", label="first-only")
    script.call(sweep, keywords={"now": 70.0}, returns=are(), because="60, 40 and 10 s of silence", label="young")
    script.call(timer, returns=near(130.0), because="a minute after that sweep", label="next")
    script.call("registry.renew", "players", "p1", keywords={"now": 80.0}, because="p1 is alive")
    script.call("registry.renew", "players", "p3", keywords={"now": 100.0}, because="p3 is alive")
    because = "it is not due before 130"
    script.call(sweep, keywords={"now": 129.0}, returns=are(), because=because, label="early")
    script.call(timer, returns=near(130.0), because=because, label="early-timer")
    because = "p2 has been silent for 100 s, p1 for 50, p3 for 30"
    script.call(sweep, keywords={"now": 130.0}, returns=are("p2"), because=because, label="expired")
    script.call("registry.find", "players", {}, returns=are("p1", "p3"), because="p2 is gone", label="left")
    script.call(
        "registry.renew",
        "players",
        "p2",
        keywords={"now": 135.0},
        raises="NoLease",
        because="p2 was cut off, and is told that it is forgotten",
        label="forgotten",
    )
    register(script, Stored("players_p2"), 136.0)
    because = "p1 has been silent for 110 s; p3 for 90, and no longer"
    script.call(sweep, keywords={"now": 190.0}, returns=are("p1"), because=because, label="edge")
    because = "p2 has been silent for 114 s, p3 for 150"
    script.call(sweep, keywords={"now": 250.0}, returns=are_all_of(("p2", "p3")), because=because, label="two")
    script.call(timer, returns=None, because="nobody is left", label="empty")
    register(script, Stored("players_p1"), 400.0)
    script.call(timer, returns=near(460.0), because="it begins anew", label="anew")
    judge.unit(script)


@pytest.mark.seeds(2)
def test_many_leases(judge: Judge) -> None:
    """Thirty instances on other terms: each sweep takes out those who were silent for too long, and nobody else."""
    source = judge.random
    terms = {"duration": 20.0, "sweep_every": 7.0}
    script = Script("many")
    made(script, **terms)
    last: dict[str, float] = {}
    for number in range(30):
        name = f"p{number:02}"
        register(script, instance(script, name), 0.0)
        last[name] = 0.0
    for now, renewing in _renewals(source):
        for name in renewing & set(last):
            script.call("registry.renew", "players", name, keywords={"now": now}, because="it is alive")
            last[name] = now
        if now % 7 == 0:
            gone = [name for name, at in last.items() if now > at + 20.0]
            for name in gone:
                del last[name]
            because = f"silent for more than 20 s: {', '.join(gone) or 'nobody'}"
            script.call("registry.handle_timer", keywords={"now": now}, returns=are_all_of(gone), because=because)
    script.call("registry.find", "players", {}, returns=are(*sorted(last)), because="these are left", label="left")
    judge.unit(script)


def _renewals(source: random.Random) -> Iterator[tuple[float, set[str]]]:
    for second in range(1, 85):
        yield float(second), {f"p{number:02}" for number in range(30) if source.random() < 0.07}


@pytest.mark.exact
@pytest.mark.seeds(2)
def test_over_the_network(judge: Judge) -> None:
    """Two instances die without a word: the registry lists them until the first sweep after 90 s, and not after."""
    source = judge.random
    killed = {host: source.randint(60, 150) for host in ("p1", "p3")}
    environment = {"p1": "production", "p2": "production", "p3": "production", "p4": "test"}
    programs = [
        players(host, running(host, environment=said), killed=killed[host] * SECOND if host in killed else None)
        for host, said in environment.items()
    ]
    trace = judge.play(scene("deaths", [registry(preserves_itself=False), *programs, looking()], seconds=330))
    registered = arrived(trace, "reg", "register")
    judge.bites("all four have registered", {named(frame) for _, frame in registered} == set(environment))
    begin = registered[0][0]
    heard = [*registered, *arrived(trace, "reg", "renew")]
    last = {name: max(at for at, frame in heard if named(frame) == name) for name in killed}
    judge.bites("the two have renewed before", all(last[name] > begin for name in killed))
    due = sweeps(begin, SWEEP, 330)
    gone = {name: next(at for at in due if at > last[name] + DURATION) for name in killed}
    for at, found in lists(trace):
        if at < begin + 1:
            continue
        for name, said in environment.items():
            until = gone.get(name, 1e9)
            if abs(at - until) < EDGE:
                continue
            fits, there = said == "production", at < until
            judge.expect(
                f"wire:{'fits' if not fits else 'listed' if there else 'gone'}",
                (name in found) == (fits and there),
                f"at {at:.0f} s, {name} is {'listed' if fits and there else 'not listed'}"
                + (f": its lease ran out at {until:.0f} s" if fits and not there else ""),
                found=f"the registry lists {', '.join(found) or 'nobody'}",
            )
