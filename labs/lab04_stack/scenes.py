"""What lab 4 plays: the same application, over TCP, over your own credit, and with somebody listening."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from labs.lab03_flow.scenes import AT_ONCE, QUESTIONS, cards, terms
from labs.lab04_stack.kinds import classify
from labs.lab04_stack.topology import ADDRESSES, Hub, Line, Stack
from labs.testbed.scene import Limits, Offering, Port, Program, Reader, Scene
from netstack.tcp import Settings
from netstack.wire import SECOND

PIECE = 1000
"""The longest message, in bytes, that your stream puts on the line."""

PORT = 8080
"""Where *players* listens. Everybody's services listen on 8080; that it works is a convention, and no more."""


def program(host: str, file: str, **more: Any) -> Program:
    """A program that knows where *players* is: by name, and by the port that everybody uses."""
    return Program(host=host, file=file, arguments={"players": "b", "port": PORT, **more})


MSS = 946
"""Bytes of a full segment in what is worked out with a pencil: with 54 bytes of headers it is a frame of 1000."""

PLAIN: dict[str, Any] = {"window_scale": False, "timestamps": False, "sack": False, "rack": False}
"""TCP as it was in 1990, so that its headers have 20 bytes, and a pencil will do."""

MTU = MSS + 40
LINE: dict[str, Any] = {"bw": 10, "delay": "20ms", "mtu": MTU}

APPLICATION = Scene(
    name="application",
    topology=Stack,
    programs=(program("b", "players.py"), program("a", "teams.py")),
    ports=(
        Port(host="a", offers=tuple(Offering(q, n * SECOND) for n, q in enumerate(QUESTIONS)), enough=len(QUESTIONS)),
    ),
    classify=classify,
)


def mail(payloads: Sequence[bytes], *, reader: Reader = AT_ONCE, **link: Any) -> Scene:
    """*teams* sends cards to *players*, over TCP."""
    return Scene(
        name="mail",
        topology=partial(Stack, **link),
        programs=(program("b", "mail_players.py"), program("a", "mail_teams.py")),
        ports=(
            Port(host="a", offers=tuple(map(Offering, payloads))),
            Port(host="b", reader=reader, enough=len(payloads)),
        ),
        classify=classify,
    )


def pouring(
    payloads: Sequence[bytes],
    *,
    sip: int = 1000,
    begin: float = 0.0,
    every: float = 0.0,
    interval: int = 0,
    enough: int | None = None,
    tcp: Mapping[str, Settings] = {},
    name: str = "pour",
    **link: Any,
) -> Scene:
    """Pour `payloads` from a into a TCP stream, one each `interval` ns; b sips it, not before `begin` (s)."""
    return Scene(
        name=name,
        topology=partial(Stack, **link),
        programs=(program("b", "sip.py", sip=sip, begin=begin, every=every), program("a", "pour.py")),
        ports=(
            Port(host="a", offers=tuple(Offering(payload, n * interval) for n, payload in enumerate(payloads))),
            Port(host="b", enough=enough),
        ),
        classify=classify,
        tcp=tcp,
    )


def below(scene: Scene, *, link: Mapping[str, Any] = {}, **more: Any) -> Scene:
    """`scene`, with your stream in the place of TCP's, over the frames of lab 3; `more` are terms, as in lab 3."""
    return replace(
        scene,
        name=f"{scene.name}-below",
        topology=partial(Line, **link),
        programs=tuple(_below(each, more) for each in scene.programs if isinstance(each, Program)),
        tcp={},
    )


def _below(each: Program, more: Mapping[str, Any]) -> Program:
    arguments = {**terms(each.host, **more), **each.arguments, "program": each.file.removesuffix(".py")}
    return replace(each, file="below.py", arguments=arguments)


SCAPY = ("scapy.layers.inet",)
"""What takes long to import, and is imported once."""


def overheard(scene: Scene, orders: Sequence[Sequence[Any]], *, by: str = "b", name: str = "", **link: Any) -> Scene:
    """`scene` at a hub, where c hears everything, and obeys `orders` to speak in the name of the host `by`."""
    address = ADDRESSES[by].partition("/")[0]
    arguments = {"as": address, "orders": [list(order) for order in orders]}
    others = (Program(host="h", file="hub.py"), Program(host="c", file="eavesdropper.py", arguments=arguments))
    return replace(
        scene,
        name=name or f"{scene.name}-overheard",
        topology=partial(Hub, **link),
        programs=(*scene.programs, *others),
        preload=SCAPY,
    )


DIALECT = {"order": "little", "names": "last", "credit": "bytes"}
"""How those write it whom `lab run` shows; in the questions everybody meets others."""


def speaking(
    payloads: Sequence[bytes],
    dialects: tuple[Mapping[str, str], Mapping[str, str]],
    *,
    name: str,
    reader: Reader = AT_ONCE,
    seconds: float = 4.0,
    **more: Any,
) -> Scene:
    """Lab 3's cards from a to b, who write its header each in a way of their own; `more` are terms, as there."""
    files = ("card_teams.py", "card_players.py")
    return Scene(
        name=name,
        topology=Line,
        programs=tuple(
            Program(host=host, file=file, arguments=terms(host, dialect=dict(dialect), **more))
            for host, file, dialect in zip("ab", files, dialects, strict=True)
        ),
        ports=(Port(host="a", offers=tuple(map(Offering, payloads))), Port(host="b", reader=reader)),
        classify=classify,
        limits=Limits(time=round(seconds * SECOND)),
    )


_PRINTED = random.Random("the cards that `lab run` shows")

STRANGERS = speaking(cards(3, _PRINTED), ({}, DIALECT), name="strangers", first=258)
AT_HOME = speaking(cards(3, _PRINTED), (DIALECT, DIALECT), name="at-home", first=258)
ALMOST = speaking(cards(20, _PRINTED), ({}, {**DIALECT, "order": "big"}), name="almost", first=258, capacity=4)
MAIL = mail(cards(40, _PRINTED))
WORDS = b"x" * (20 * MSS)
SIX = {"a": Settings(**PLAIN), "b": Settings(receive_buffer=6 * MSS, **PLAIN)}
POUR = pouring([WORDS], begin=3.0, tcp=SIX, **LINE)
POUR_BELOW = below(pouring([WORDS], begin=3.0), capacity=6)
BELOW = below(APPLICATION)
FORGED = overheard(POUR, [(1.0, "window_update", 3 * MSS), (2.0, "reset", 40_000)], name="forged", mtu=MTU)

SCENES = {
    scene.name: scene for scene in (APPLICATION, STRANGERS, AT_HOME, ALMOST, MAIL, POUR, POUR_BELOW, BELOW, FORGED)
}
