"""What lab 1 plays. The first is the whole lab at work; the others follow the steps."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial

from labs.lab01_wire.kinds import classify, classify_piece
from labs.lab01_wire.topology import Cable, Pair, Serial
from labs.testbed.scene import Offering, Port, Program, Scene
from netstack.wire import SECOND

QUESTIONS = tuple(f"Who plays for {team}?".encode() for team in ("Herons", "雪豹", "Understudies"))


def offered(payloads: Iterable[bytes], *, every: int = 0, first: int = 0) -> tuple[Offering, ...]:
    """`payloads` at an application port, one each `every` ns from `first` on."""
    return tuple(Offering(payload, first + number * every) for number, payload in enumerate(payloads))


# Step 1: a serial line ------------------------------------------------------------------------------------------------

SERIAL = Scene(
    name="serial",
    topology=Serial,
    programs=(Program(host="a", file="line_teams.py"), Program(host="b", file="line_players.py")),
    ports=(Port(host="a", offers=offered(QUESTIONS, every=SECOND), enough=len(QUESTIONS)),),
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


# Step 3: Ethernet -----------------------------------------------------------------------------------------------------

ETHERNET = Scene(
    name="ethernet",
    topology=Pair,
    programs=(Program(host="a", file="cable_teams.py"), Program(host="b", file="cable_players.py")),
    ports=(Port(host="a", offers=offered(QUESTIONS, every=SECOND), enough=len(QUESTIONS)),),
    classify=classify,
)


# Step 4: find each other ----------------------------------------------------------------------------------------------

NAMES = {"a": "teams", "b": "players", "c": "coach"}
HUB = Program(host="hub", file="hub.py")


def finder(host: str) -> Program:
    """A program that looks for the names that its application port offers."""
    return Program(host=host, file="finder.py", arguments={"name": NAMES[host]})


FIND = Scene(
    name="find",
    topology=Cable,
    programs=(HUB, *map(finder, NAMES)),
    ports=(
        Port(host="a", offers=offered((b"players", b"coach", b"ghost")), enough=3),
        Port(host="b"),
        Port(host="c", offers=offered((b"teams",), first=SECOND), enough=1),
    ),
    classify=classify,
)


# Step 5: many conversations -------------------------------------------------------------------------------------------

APPLICATION = Scene(
    name="application",
    topology=Pair,
    programs=(Program(host="a", file="teams.py"), Program(host="b", file="players.py")),
    ports=(Port(host="a", offers=offered(QUESTIONS, every=SECOND), enough=len(QUESTIONS)),),
    classify=classify,
)


def crowd(a: Iterable[Offering], c: Iterable[Offering], thinks: Mapping[str, float], *, name: str = "crowd") -> Scene:
    """People at a and at c ask, all of them over one cable, what b answers as soon as it can."""
    asked_at_a, asked_at_c = tuple(a), tuple(c)
    return Scene(
        name=name,
        topology=Cable,
        programs=(
            HUB,
            Program(host="a", file="teams.py"),
            Program(host="b", file="players.py", arguments={"thinks": dict(thinks)}),
            Program(host="c", file="teams.py", arguments={"name": "fans"}),
        ),
        ports=(
            Port(host="a", offers=asked_at_a, enough=len(asked_at_a)),
            Port(host="c", offers=asked_at_c, enough=len(asked_at_c)),
        ),
        classify=classify,
    )


SHIFT = crowd(
    (
        Offering(QUESTIONS[0], 0),
        Offering(b"Who plays for Otters?", SECOND // 10),
        Offering(QUESTIONS[1], SECOND // 5),
        Offering(QUESTIONS[2], 27 * SECOND // 5),
        Offering(QUESTIONS[0], 11 * SECOND // 2),
        Offering(b"Who plays for Otters?", 33 * SECOND),
    ),
    (Offering(QUESTIONS[2], 3 * SECOND // 20), Offering(QUESTIONS[0], 67 * SECOND // 2)),
    {"Herons": 0.3, "雪豹": 6.0, "Understudies": 0.4},
    name="shift",
)
"""A long shift, with something of everything; step 6 shows what becomes of it when one thing is wrong."""

CROWD = crowd(offered(QUESTIONS), offered(QUESTIONS[::-1]), {"Herons": 0.3, "雪豹": 0.2})

# Steps 7 and 8: a desk with scapy on it -------------------------------------------------------------------------------

SCAPY = ("scapy.layers.l2",)


def desk(host: str) -> Program:
    """A program that crafts what its application port orders, and dissects what it hears."""
    return Program(host=host, file="desk.py")


SNIFF = Scene(
    name="sniff",
    topology=Cable,
    programs=(HUB, Program(host="a", file="teams.py"), Program(host="b", file="players.py"), desk("c")),
    ports=(
        Port(host="a", offers=offered(QUESTIONS, every=SECOND, first=3 * SECOND), enough=len(QUESTIONS)),
        Port(host="c"),
    ),
    classify=classify,
    preload=SCAPY,
)


# Step 9: secrets ------------------------------------------------------------------------------------------------------

KEY = bytes(range(32)).hex()


def sealed(scene: Scene, key: str = KEY) -> Scene:
    """`scene` with teams and players sharing a key."""
    programs = tuple(
        replace(member, arguments={**member.arguments, "key": key}) if isinstance(member, Program) else member
        for member in scene.programs
    )
    return replace(scene, name=f"sealed-{scene.name}", programs=programs)


SEALED = sealed(APPLICATION)

SCENES = {scene.name: scene for scene in (APPLICATION, SERIAL, NOISY, ETHERNET, FIND, CROWD, SHIFT, SNIFF, SEALED)}
