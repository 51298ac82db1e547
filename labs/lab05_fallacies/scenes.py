"""What lab 5 plays: the application over the standard call, and somebody who is signed while answers get lost."""

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from labs.lab03_flow.scenes import QUESTIONS
from labs.lab05_fallacies import fallacies
from labs.lab05_fallacies.house import calm
from labs.lab05_fallacies.kinds import classify
from labs.lab05_fallacies.topology import Pair
from labs.testbed.scene import Offering, Port, Program, Scene
from netstack.wire import SECOND, Fault

PORT = 8080
"""Where *players* listens."""


def program(host: str, file: str, **more: Any) -> Program:
    """A program that knows where *players* is, and for how many seconds it is worth waiting."""
    return Program(host=host, file=file, arguments={"players": "b", "port": PORT, "patience": 2.0, **more})


APPLICATION = Scene(
    name="application",
    topology=Pair,
    programs=(program("b", "players.py"), program("a", "teams.py")),
    ports=(
        Port(host="a", offers=tuple(Offering(q, n * SECOND) for n, q in enumerate(QUESTIONS)), enough=len(QUESTIONS)),
    ),
    classify=classify,
)


def signing(
    orders: Sequence[str],
    *,
    takes: float = 0.0,
    every: float = 1.0,
    faults: Sequence[str] = (),
    name: str = "signing",
    office: Mapping[str, Any] = {},
) -> Scene:
    """The office on a signs players, one order each `every` s, and asks again when no answer comes.

    An order is `Nia for Herons`, or a question: `Herons?`. `takes` is how long *players* needs to sign somebody (s).
    """
    return Scene(
        name=name,
        topology=partial(Pair),
        programs=(program("b", "players.py", takes=takes), program("a", "office.py", **office)),
        ports=(
            Port(
                host="a",
                offers=tuple(Offering(order.encode(), round(n * every * SECOND)) for n, order in enumerate(orders)),
                enough=len(orders),
            ),
        ),
        script=tuple(map(Fault.parse, faults)),
        classify=classify,
    )


SIGNING = signing(["Nia for Herons", "Herons?"], every=5.0, faults=["drop b-a:data:1-2"])
"""The answer is lost, twice; the office asks again."""


def _drawn(make: fallacies.Make) -> fallacies.Incident:
    return make(random.Random(f"practice {make.__name__}"))


PRACTICE: dict[str, fallacies.Incident] = {
    incident.scene.name: incident
    for incident in (
        *(_drawn(each.make) for name, each in fallacies.FALLACIES.items() if name != "homogeneous"),
        *(_drawn(make) for make in (fallacies.two_orders, fallacies.two_lengths)),
    )
}
"""A day of each fallacy, under its own name: what may be looked at before the blind ones."""


def _practice() -> Iterator[Scene]:
    """A calm day in the house, and a day of each fallacy, under its own name."""
    yield calm(random.Random("calm")).scene("calm")
    for incident in PRACTICE.values():
        yield incident.scene


SCENES = {scene.name: scene for scene in (APPLICATION, SIGNING, *_practice())}
