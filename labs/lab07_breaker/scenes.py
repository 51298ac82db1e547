"""What lab 7 plays: one service that asks another; a row of them; and a crowd before one that has fallen ill."""

from collections.abc import Mapping, Sequence
from typing import Any

from labs.lab07_breaker.kinds import classify
from labs.lab07_breaker.topology import Crowd, Pair, Tiers
from labs.testbed.scene import Limits, Offering, Port, Program, Scene
from netstack.wire import SECOND

TIERS = ("site", "teams", "players", "cards")
TRIES = 3
PROGRAMS, CLIENTS = 10, 100
"""A thousand clients are ten programs of a hundred."""

FOREVER = 1e9  # seconds
HERONS = b"Who plays for Herons?"


def pair(
    asked: Sequence[Offering],
    *,
    name: str,
    teams: Mapping[str, Any],
    players: Mapping[str, Any],
    seconds: float = 60,
) -> Scene:
    """People ask *teams*, *teams* asks *players*, who may be ill; `teams` and `players` are what each is told."""
    return Scene(
        name=name,
        topology=Pair,
        programs=(
            Program(host="players", file="tier.py", arguments=dict(players)),
            Program(host="teams", file="teams.py", arguments={"to": "players", **teams}),
        ),
        ports=(Port(host="teams", offers=tuple(asked), enough=len(asked)),),
        classify=classify,
        limits=Limits(time=round(seconds * SECOND)),
    )


def row(
    asked: Sequence[Offering],
    *,
    name: str,
    each: Mapping[str, Any],
    seconds: float = 60,
    watched: bool = False,
    **more: Mapping[str, Any],
) -> Scene:
    """People ask *site*, which asks *teams*, which asks *players*, which asks *cards*.

    `each` is what all are told, `more` what one of them is told besides. Those behind *site* are `watched` at a port.
    """
    told = {
        host: {**({"to": to} if to else {}), **each, **more.get(host, {})}
        for host, to in zip(TIERS, (*TIERS[1:], ""), strict=True)
    }
    behind = TIERS[1:]
    return Scene(
        name=name,
        topology=Tiers,
        programs=(
            *(Program(host=host, file="tier.py", arguments=told[host]) for host in reversed(behind)),
            Program(host="site", file="site.py", arguments=told["site"]),
        ),
        ports=(
            Port(host="site", offers=tuple(asked), enough=len(asked)),
            *(Port(host=host, name="work", enough=1) for host in behind if watched),
        ),
        classify=classify,
        limits=Limits(time=round(seconds * SECOND)),
    )


def at(*times: float, question: bytes = HERONS) -> tuple[Offering, ...]:
    """Somebody asks at each of these times, in seconds."""
    return tuple(Offering(question, round(time * SECOND)) for time in times)


def crowd(
    *,
    name: str,
    jitter: float = 0.0,
    programs: int = PROGRAMS,
    clients: int = CLIENTS,
    requests: int = 5,
    sleep: float = 5.0,
    well_from: float = 13.0,
    gather: float = 5.0,
    seconds: float = 40,
) -> Scene:
    """Clients by the hundred before *players*, which is ill until `well_from` (s), each with a breaker of its own."""
    told = {"clients": clients, "jitter": jitter, "breaker": {"requests": requests, "sleep": sleep}}
    return Scene(
        name=name,
        topology=Crowd,
        programs=(
            Program(host="players", file="crowded.py", arguments={"well_from": well_from}),
            Program(host="pager", file="pager.py", arguments={"alerts": {"gather": gather}}),
            *(
                Program(host="web", file="crowd.py", name=f"web{number}", arguments={"name": f"web{number}", **told})
                for number in range(1, programs + 1)
            ),
        ),
        ports=(Port(host="pager"),),
        classify=classify,
        limits=Limits(time=round(seconds * SECOND), real_seconds=60),
    )


APPLICATION = Scene(
    name="application",
    topology=Pair,
    programs=(
        Program(host="players", file="players.py"),
        Program(
            host="teams",
            file="teams.py",
            arguments={"to": "players", "patience": 2.0, "timeout": 1.0, "tries": TRIES, "budget": {}, "breaker": {}},
        ),
    ),
    ports=(Port(host="teams", offers=at(0, 1, 2), enough=3),),
    classify=classify,
)

DOWN: dict[str, Any] = {"ill": [[0, FOREVER, "down"]]}
STORM = row(at(1.0), name="storm", each={"tries": TRIES}, cards=DOWN)
BUDGETED = row(
    at(*(1 + n / 20 for n in range(40))),
    name="budgeted",
    each={"tries": TRIES, "budget": {"reserve": 1.0}},
    cards=DOWN,
)
DEADLINE = row(at(0.5), name="deadline", each={"work": 0.5}, site={"patience": 1.2}, watched=True)
NO_DEADLINE = row(
    at(0.5), name="no-deadline", each={"work": 0.5, "travels": False}, site={"patience": 1.2}, watched=True
)
TRIPPED = pair(
    at(*(0.5 + n / 10 for n in range(120))),
    name="tripped",
    teams={"breaker": {}, "timeout": 1.0},
    players={"ill": [[2.0, 8.0, "down"]]},
)
DAY = pair(
    at(*(n / 2 for n in range(1, 47) for _ in range(2))),
    name="day",
    teams={
        "tries": 2,
        "timeout": 0.5,
        "budget": {"share": 0.1, "reserve": 0.1},
        "breaker": {"requests": 24, "sleep": 3.0, "window": 20.0},
    },
    players={"work": 0.05, "ill": [[0.9, 7.2, "bad"], [8.9, 17.0, "down"], [20.04, 20.07, "down"]]},
)
HANGING: dict[str, Any] = {"ill": [[0, FOREVER, "hangs"]]}
HANGS = pair(at(*(1 + n / 10 for n in range(30))), name="hangs", teams={"timeout": 1.0}, players=HANGING)
BULKHEAD = pair(
    at(*(1 + n / 10 for n in range(30))),
    name="bulkhead",
    teams={"timeout": 1.0, "bulkhead": {"most": 3}},
    players=HANGING,
)
FALL = crowd(name="fall")
FALL_WITH_JITTER = crowd(name="fall-with-jitter", jitter=5.0)

SCENES = {
    scene.name: scene
    for scene in (
        *(APPLICATION, DEADLINE, NO_DEADLINE, STORM, BUDGETED, TRIPPED, FALL, FALL_WITH_JITTER),
        *(DAY, HANGS, BULKHEAD),
    )
}
