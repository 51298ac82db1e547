"""What lab 0 plays: one machine, one program or two on it, and people who ask."""

from collections.abc import Mapping, Sequence
from typing import Any

from labs.lab00_machine.kinds import classify
from labs.lab00_machine.topology import Copies, Machine
from labs.testbed.scene import Offering, Port, Program, Scene
from netstack.wire import MILLISECOND

HOST = "machine"
COPIES = ("office", "stadium")

Transfer = tuple[float, str, str, str]
"""When a copy is told (seconds), who, from which team, to which."""


def asked(*questions: tuple[int, str]) -> tuple[Offering, ...]:
    """People's questions: (when in ms, team)."""
    return tuple(Offering(f"Who plays for {team}?".encode(), at * MILLISECOND) for at, team in questions)


def teams_alone(name: str, offers: tuple[Offering, ...], **arguments: Any) -> Scene:
    """*teams* on its machine; `arguments` are those of its `Players`."""
    return Scene(
        name=name,
        topology=Machine,
        programs=(Program(host=HOST, file="teams.py", arguments=arguments),),
        ports=(Port(host=HOST, offers=offers, enough=len(offers)),),
        classify=classify,
    )


APPLICATION = teams_alone("questions", asked((0, "Herons"), (500, "雪豹"), (1000, "Penguins")))
AT_ONCE = teams_alone("at-once", asked(*[(0, team) for team in ("Herons", "Otters", "Żubry", "雪豹")]))
A_DRAWER_JAMS = teams_alone(
    "jammed", asked((0, "Otters"), (0, "Żubry"), (100, "Herons")), slow={"Otters": 3600.0, "Żubry": 0.8}
)
MORNING = teams_alone(
    "morning",
    asked(
        *((0, team) for team in ("Herons", "Otters", "雪豹")),
        (1000, "Żubry"),
        (2000, "Understudies"),
        (2500, "Herons"),
        (4000, "Penguins"),
        (4300, "Otters"),
        (6500, "雪豹"),
    ),
    slow={"Żubry": 0.7, "Penguins": 1.5},
    transfers=[(1.5, "Grace", "Herons", "Otters")],
)


def two_copies(told: Mapping[str, Sequence[Transfer]], offers: tuple[Offering, ...]) -> Scene:
    """The same application twice, on two machines, each with its own copy of the cards, told of transfers by hand."""
    return Scene(
        name="two-copies",
        topology=Copies,
        programs=tuple(Program(host=host, file="teams.py", arguments={"transfers": told[host]}) for host in COPIES),
        ports=tuple(Port(host=host, offers=offers, enough=len(offers)) for host in COPIES),
        classify=classify,
    )


def twenty_lines(first: float, second: float, third: float, patience: float) -> Scene:
    """The program of step 1, with these seconds in it."""
    return Scene(
        name="twenty-lines",
        topology=Machine,
        programs=(Program(host=HOST, file="twenty_lines.py", arguments={"seconds": [first, second, third, patience]}),),
        ports=(Port(host=HOST),),
        classify=classify,
    )


SCENES = {
    scene.name: scene
    for scene in (
        APPLICATION,
        AT_ONCE,
        A_DRAWER_JAMS,
        MORNING,
        twenty_lines(0.5, 1.0, 3.0, 2.0),
        two_copies(
            {"office": [(0.5, "Grace", "Herons", "Otters")], "stadium": [(1.5, "Grace", "Herons", "Otters")]},
            asked((0, "Herons"), (500, "Herons"), (1000, "Otters"), (1500, "Herons")),
        ),
    )
}
