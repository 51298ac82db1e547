"""Step 3: when many fall silent at once, the network has more likely failed than they have."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import pytest

from labs.lab06_discovery.evidence import arrived, lists, named, sweeps
from labs.lab06_discovery.peers import are, instance, names, near, random_source
from labs.lab06_discovery.scenes import partition
from labs.testbed.judge import Judge
from labs.testbed.program.values import Stored
from labs.testbed.unit import Script

pytestmark = pytest.mark.step("3")

SWEEP = 60.0
EDGE = 0.5


def crowd(
    script: Script,
    count: int,
    *,
    store: str = "registry",
    seed: int = 1,
    teams: Collection[str] = (),
    **keywords: object,
) -> list[str]:
    """A registry with `count` instances, all registered at 0; returns their names. All but `teams` are of players."""
    source = random_source(script, seed)
    script.make("leases.Registry", store=store, keywords={"randomness": source, **keywords})
    found = [f"p{number:02}" for number in range(count)]
    for name in found:
        who = instance(script, name, service="teams" if name in teams else "players")
        script.call(f"{store}.register", who, keywords={"now": 0.0}, because="it is there", label="register")
    return found


def renew(script: Script, who: Sequence[str], now: float, *, store: str = "registry", service: str = "players") -> None:
    """Have these renew."""
    for name in who:
        script.call(f"{store}.renew", service, name, keywords={"now": now}, because="it is alive", label="renew")


@pytest.mark.seeds(1)
def test_too_few_renewals(judge: Judge) -> None:
    """A sweep that has seen 85 % of the renewals due, or fewer, takes nobody out; with one more, it does."""
    script = Script("threshold")
    there = crowd(script, 20)  # 40 renewals a minute, 34 are too few
    sweep, preserving = "registry.handle_timer", "registry.preserving"
    script.get(preserving, returns=False, because="nothing has been swept yet", label="before")
    renew(script, there, 30.0)
    script.call(sweep, keywords={"now": 60.0}, returns=are(), because="nobody has expired", label="first")
    script.get(preserving, returns=True, because="20 renewals of 40 are far too few", label="half")
    for at in (65.0, 95.0):
        renew(script, there[:15], at)
    script.call(sweep, keywords={"now": 120.0}, returns=are(), because="nobody has expired", label="second")
    because = "30 of 40 have come since the last sweep, and what came before does not count"
    script.get(preserving, returns=True, because=because, label="anew")
    for at in (125.0, 155.0):
        renew(script, there[:17], at)
    because = "three have been silent for 150 s, but only 34 of 40 renewals have come since the last sweep"
    script.call(sweep, keywords={"now": 180.0}, returns=are(), because=because, label="nobody")
    script.get(preserving, returns=True, because="34 of 40 are not more than 85 %", label="few")
    script.call("registry.find", "players", {}, returns=are(*there), because="all are there", label="all")
    for at in (185.0, 215.0):
        renew(script, there[:17], at)
    renew(script, there[:1], 220.0)
    because = "35 of 40 are enough: the three that are silent go"
    script.call(sweep, keywords={"now": 240.0}, returns=_some_of(there[17:], 3), because=because, label="enough")
    script.get(preserving, returns=False, because="it has taken somebody out", label="over")
    for at in (250.0, 290.0):
        renew(script, there[:15], at)
    because = "17 are left, so 34 should come, 28 are too few, and 30 came: nobody has expired"
    script.call(sweep, keywords={"now": 300.0}, returns=are(), because=because, label="fewer")
    script.get(preserving, returns=False, because="what is expected goes by who is there now", label="size")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_what_counts(judge: Judge) -> None:
    """Only renewals of who is there count, each since the last sweep, or since the first registration."""
    script = Script("counting")
    there = crowd(script, 4)  # 8 renewals a minute, 6 are too few
    timer, sweep, preserving = "registry.next_timer", "registry.handle_timer", "registry.preserving"
    for at in (10.0, 40.0):
        renew(script, there[:3], at)
    up = script.make("mesh.instances.Status", "UP", store="up")
    script.call("registry.set_status", "players", there[0], up, keywords={"now": 41.0}, because="this is no renewal")
    unknown = {"raises": "NoLease", "because": "it is not there", "label": "unknown"}
    script.call("registry.renew", "players", "nobody", keywords={"now": 42.0}, **unknown)
    script.call("registry.register", Stored("players_p01"), keywords={"now": 43.0}, because="nor is this")
    script.call(sweep, keywords={"now": 60.0}, returns=are(), because="nobody has expired", label="first")
    script.get(
        preserving, returns=True, because="6 renewals of 8 have come; nothing else counts", label="only-renewals"
    )
    script.call(timer, returns=near(120.0), because="who preserves itself sweeps on", label="goes-on")
    renew(script, there, 70.0)
    renew(script, there[:3], 100.0)
    script.call(sweep, keywords={"now": 120.0}, returns=are(), because="nobody has expired", label="second")
    script.get(preserving, returns=False, because="7 of 8 are enough, though nobody had to go", label="enough")
    renew(script, there, 130.0)
    script.call(sweep, keywords={"now": 140.0}, returns=are(), because="it is not due", label="early")
    renew(script, there[:3], 160.0)
    script.call(sweep, keywords={"now": 180.0}, returns=are(), because="nobody has expired", label="third")
    script.get(preserving, returns=False, because="7 of 8 have come, before and after the early look", label="looked")
    renew(script, there[:3], 190.0)
    for name in there:
        script.call("registry.cancel", "players", name, because="it goes in order")
    for name in there:
        script.call("registry.register", Stored(f"players_{name}"), keywords={"now": 200.0}, because="it is back")
    for at in (210.0, 240.0):
        renew(script, there[:3], at)
    script.call(sweep, keywords={"now": 260.0}, returns=are(), because="nobody has expired", label="begun-anew")
    because = "6 of 8 have come since the first registration: what was before the registry was empty is over"
    script.get(preserving, returns=True, because=because, label="since-the-first")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_without_it(judge: Judge) -> None:
    """Who is told not to preserve itself takes out whoever has expired, all of them."""
    script = Script("without")
    there = crowd(script, 20, preserves_itself=False)
    script.call("registry.handle_timer", keywords={"now": 60.0}, returns=are(), because="60 s are not 90")
    everybody = _some_of(there, 20)
    script.call("registry.handle_timer", keywords={"now": 120.0}, returns=everybody, because="all have expired")
    script.get("registry.preserving", returns=False, because="it does not preserve itself", label="never")
    judge.unit(script)


@pytest.mark.seeds(1)
def test_never_more_than_fifteen_per_cent(judge: Judge) -> None:
    """However many have expired, a sweep takes out 15 % of all at most, and whom is drawn by the lot given."""
    script = Script("lot")
    drawn: list[frozenset[str]] = []
    teams = [f"p{number:02}" for number in (11, 12, 13, 14, 18, 19)]
    alive = [f"p{number:02}" for number in range(15)]

    def take(found: object) -> bool:
        drawn.append(frozenset(names(found)))
        return len(drawn[-1]) == 3 and drawn[-1] <= {f"p{number:02}" for number in range(15, 20)}

    seeds = (1, 2, 3, 4, 1, 2)
    for number, seed in enumerate(seeds):
        store = f"registry{number}"
        crowd(script, 20, store=store, seed=seed, teams=teams, threshold=0.85)
        script.call(f"{store}.handle_timer", keywords={"now": 60.0}, returns=are(), because="nobody has expired")
        for at in (70.0, 85.0, 110.0):  # they renew more often than they should: 45 come of 40
            renew(script, alive[:11], at, store=store)
            renew(script, alive[11:], at, store=store, service="teams")
        because = "five have expired, and 3 are 15 % of 20, whatever their service"
        script.call(f"{store}.handle_timer", keywords={"now": 121.0}, returns=take, because=because, label="three")
    judge.unit(script)
    judge.expect("lot:drawn", len(set(drawn)) > 1, "registries, each with a luck of its own, draw differently")
    judge.expect("lot:given", drawn[:2] == drawn[4:], "with the same `randomness` they draw the same, again and again")


@pytest.mark.seeds(1)
def test_among_six(judge: Judge) -> None:
    """Where six are, one that dies stays for ever; of seven it goes: the price where there are few."""
    script = Script("few")
    for count in (6, 7):
        store = f"registry{count}"
        there = crowd(script, count, store=store)
        for at in (30.0, 59.0, 90.0, 119.0):
            renew(script, there[1:], at, store=store)
            if at in (59.0, 119.0):
                gone = [there[0]] if (count, at) == (7, 119.0) else []
                expected, came = count * 2, (count - 1) * 2
                because = f"{came} renewals of {expected} came; {int(expected * 0.85)} would be too few"
                script.call(
                    f"{store}.handle_timer",
                    keywords={"now": at + 1},
                    returns=are(*gone),
                    because=because,
                    label=f"of-{count}",
                )
    judge.unit(script)


@pytest.mark.seeds(1)
def test_rounded_up(judge: Judge) -> None:
    """15 % of seven is rounded up: two may go in one sweep."""
    script = Script("rounding")
    there = crowd(script, 7)
    renew(script, there[2:], 30.0)
    script.call("registry.handle_timer", keywords={"now": 60.0}, returns=are(), because="nobody has expired")
    for at in (70.0, 90.0, 110.0):
        renew(script, there[2:], at)
    because = "15 renewals of 14 have come; two have expired, and 7 - int(0.85 · 7) = 2 may go"
    script.call("registry.handle_timer", keywords={"now": 120.0}, returns=_some_of(there[:2], 2), because=because)
    judge.unit(script)


@pytest.mark.seeds(1)
def test_other_terms(judge: Judge) -> None:
    """What is expected goes by `sweep_every` and `renewed_every`, whatever they are."""
    script = Script("terms")
    there = crowd(script, 10, duration=1.5, renewed_every=0.8, sweep_every=2.0, threshold=0.5)
    for at in (0.9, 1.4):
        renew(script, there[:5], at)
    renew(script, there[:2], 1.9)
    because = "12 renewals of 25 are not more than half of them"
    script.call("registry.handle_timer", keywords={"now": 2.0}, returns=are(), because=because, label="half")
    for at in (2.4, 2.9):
        renew(script, there[:5], at)
    renew(script, there[:3], 3.95)
    because = "13 are more than half; of ten, five at most may go, and five have expired"
    script.call(
        "registry.handle_timer", keywords={"now": 4.0}, returns=_some_of(there[5:], 5), because=because, label="more"
    )
    judge.unit(script)


def _some_of(possible: list[str], count: int) -> Callable[[Any], bool]:
    return lambda found: len(set(names(found))) == len(names(found)) == count and set(names(found)) <= set(possible)


@pytest.mark.exact
@pytest.mark.seeds(1)
def test_a_cut_is_no_death(judge: Judge) -> None:
    """Six of eleven are cut off, and one dies: nobody is taken out. When the six are back, the dead one goes."""
    source = judge.random
    cut, back = source.randint(70, 100), source.randint(330, 400)
    died = source.randint(cut + 10, cut + 60)
    trace = judge.play(partition(cut, back, died, after=190))
    renewed = arrived(trace, "reg", "renew")
    judge.bites("the six could not renew", not any(cut + 1 < at < back and named(f)[:3] == "far" for at, f in renewed))
    everybody = {f"far{n}" for n in range(6)} | {f"near{n}" for n in range(4)}
    begin = arrived(trace, "reg", "register")[0][0]
    whole = next(at for at in sweeps(begin, SWEEP, back + 190) if at > back + SWEEP + 35)
    for at, found in lists(trace):
        if at < begin + 2:
            continue
        missing = everybody - set(found)
        judge.expect(
            "wire:preserved" if at > cut else "wire:listed",
            not missing,
            f"at {at:.0f} s, all ten that live are listed" + (", though six cannot renew" if cut < at < back else ""),
            found=f"missing: {', '.join(sorted(missing))}",
        )
        if begin + 2 < at < back or at > whole + EDGE:
            there = at < back
            judge.expect(
                "wire:price" if there else "wire:gone",
                ("dies" in found) == there,
                f"at {at:.0f} s, the one that died at {died} s is "
                + ("listed still: that is the price" if there else "gone: all others renew, so it must be dead"),
                found=f"{len(found)} are listed",
            )
