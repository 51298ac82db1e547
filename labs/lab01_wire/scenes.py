"""What lab 1 plays. The first is the whole lab at work; the others follow the steps."""

from collections.abc import Iterable
from functools import partial

from labs.lab01_wire.kinds import classify_piece
from labs.lab01_wire.topology import Serial
from labs.testbed.scene import Offering, Port, Program, Scene
from netstack.wire import MILLISECOND

QUESTIONS = tuple(f"Who plays for {team}?".encode() for team in ("Herons", "雪豹", "Understudies"))


def offered(payloads: Iterable[bytes], *, every: int = 0, first: int = 0) -> tuple[Offering, ...]:
    """`payloads` at an application port, one each `every` ns from `first` on."""
    return tuple(Offering(payload, first + number * every) for number, payload in enumerate(payloads))


# Step 1: a serial line ------------------------------------------------------------------------------------------------

SERIAL = Scene(
    name="serial",
    topology=Serial,
    programs=(Program(host="a", file="line_teams.py"), Program(host="b", file="line_players.py")),
    ports=(Port(host="a", offers=offered(QUESTIONS, every=1000 * MILLISECOND), enough=len(QUESTIONS)),),
    classify=classify_piece,
)


def talk(a: Iterable[bytes], b: Iterable[bytes] = (), *, noise: float = 0.0, name: str = "talk") -> Scene:
    """Both ends of a serial line hand over whatever comes through; a says the messages `a`, and b says `b`."""
    return Scene(
        name=name,
        topology=partial(Serial, noise=noise),
        programs=(Program(host="a", file="line_talk.py"), Program(host="b", file="line_talk.py")),
        ports=(Port(host="a", offers=offered(a)), Port(host="b", offers=offered(b))),
        classify=classify_piece,
    )


NOISY = talk((f"message {number}".encode() for number in range(1, 21)), noise=5.0, name="noisy")

SCENES = {scene.name: scene for scene in (SERIAL, NOISY)}
