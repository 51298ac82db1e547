"""What lab 3 plays: two applications on two computers, a line between them, and readers of every pace."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from labs.lab03_flow.kinds import classify, classify_without_credit
from labs.lab03_flow.topology import Flow
from labs.testbed.scene import Offering, Port, Program, Reader, Scene
from netstack.wire import MILLISECOND, SECOND

ADDRESSES = {"a": "02:00:00:00:01:00", "b": "02:00:00:00:02:00"}
TERMS: Mapping[str, Any] = {
    "flow": 0,
    "first": 0,
    "window": 64,
    "timeout": 0.3,
    "capacity": 64,
    "probe_after": 0.5,
}
"""What both ends of a conversation have agreed on, unless a scene says otherwise. Times are seconds."""

CARD = 101
"""Bytes of a card: with the headers it makes 125, which takes the line exactly one millisecond."""

AT_ONCE = Reader()
TEAMS = ("Herons", "Otters", "Żubry", "雪豹")
QUESTIONS = tuple(f"Who plays for {team}?".encode() for team in ("Herons", "雪豹", "Understudies"))


def cards(count: int, source: random.Random) -> list[bytes]:
    """`count` players' cards, all different, each of `CARD` bytes. What stands on them nobody can guess."""
    written = []
    for number in range(count):
        text = f"card {number}, {source.choice(TEAMS)}: {source.randbytes(8).hex()}"
        written.append(text.encode().ljust(CARD))
    return written


def terms(host: str, **more: Any) -> dict[str, Any]:
    """The arguments of a program on `host`."""
    peer = ADDRESSES["b" if host == "a" else "a"]
    return {**TERMS, "peer": peer, **more}


def stream(
    by: str,
    payloads: Sequence[bytes],
    *,
    reader: Reader = AT_ONCE,
    link: Mapping[str, Any] = {},
    name: str = "",
    every: int = 0,
    **more: Any,
) -> Scene:
    """*teams* sends cards to *players* by your `stop_and_wait`, `window` or `credit`; `more` are terms."""
    return Scene(
        name=name or by,
        topology=partial(Flow, **link),
        programs=(
            Program(host="a", file="stream_teams.py", arguments=terms("a", by=by, **more)),
            Program(host="b", file="stream_players.py", arguments=terms("b", by=by, **more)),
        ),
        ports=(
            Port(host="a", offers=_offered(payloads, every)),
            Port(host="b", reader=reader, enough=len(payloads)),
        ),
        classify=classify if by == "credit" else classify_without_credit,
    )


def _offered(payloads: Sequence[bytes], every: int) -> tuple[Offering, ...]:
    return tuple(Offering(payload, number * every) for number, payload in enumerate(payloads))


def blast(payloads: Sequence[bytes], *, room: int, reader: Reader, every: float = 0.0) -> Scene:
    """*teams* sends without a thought for the other side: step 1. `every` is in seconds."""
    return Scene(
        name="paced" if every else "blast",
        topology=Flow,
        programs=(
            Program(host="a", file="blast_teams.py", arguments=terms("a", every=every)),
            Program(host="b", file="blast_players.py", arguments=terms("b", room=room)),
        ),
        ports=(Port(host="a", offers=_offered(payloads, 0)), Port(host="b", reader=reader)),
        classify=classify_without_credit,
    )


def lunch(begin: float, end: float, *, every: float = 0.0) -> Reader:
    """A reader who reads nothing from `begin` to `end`, and else one payload each `every`; all in seconds."""
    return Reader(every=round(every * SECOND), pauses=((round(begin * SECOND), round(end * SECOND)),))


APPLICATION = Scene(
    name="application",
    topology=Flow,
    programs=(
        Program(host="a", file="teams.py", arguments=terms("a")),
        Program(host="b", file="players.py", arguments=terms("b")),
    ),
    ports=(
        Port(host="a", offers=tuple(Offering(q, n * SECOND) for n, q in enumerate(QUESTIONS)), enough=len(QUESTIONS)),
    ),
    classify=classify,
)


def two_applications(
    payloads: Sequence[bytes], scores: Sequence[bytes], *, readers: tuple[Reader, Reader], **more: Any
) -> Scene:
    """*teams* and *players* with their cards, and on the same two hosts *reporter* and *board* with their scores."""
    first = stream("credit", payloads, reader=readers[0], **more)
    second = score_service(scores, reader=readers[1], **more)
    return replace(
        first,
        name="two-applications",
        programs=(*first.programs, *second.programs),
        ports=(*first.ports, *second.ports),
    )


def score_service(
    scores: Sequence[bytes],
    *,
    reader: Reader = AT_ONCE,
    link: Mapping[str, Any] = {},
    name: str = "scores",
    file: str = "scores.py",
    every: int = 0,
    **more: Any,
) -> Scene:
    """The second application alone: *reporter* at a sends what has been scored, *board* at b shows it. Flow 1."""
    more = {"flow": 1, **more}
    return Scene(
        name=name,
        topology=partial(Flow, **link),
        programs=(
            Program(host="a", file=file, name="reporter", arguments=terms("a", role="reporter", **more)),
            Program(host="b", file=file, name="board", arguments=terms("b", role="board", **more)),
        ),
        ports=(
            Port(host="a", name="scores", program="reporter", offers=_offered(scores, every)),
            Port(host="b", name="scores", program="board", reader=reader, enough=len(scores)),
        ),
        classify=classify,
    )


_PRINTED = random.Random("the cards that `lab run` shows")

STREAM = stream("credit", cards(40, _PRINTED), reader=lunch(0.05, 0.6, every=0.02), name="stream", capacity=8)
WAIT = stream("stop_and_wait", cards(6, _PRINTED), reader=lunch(0.1, 0.9), name="wait").scripted("drop b-a:ack:2")
GAP = stream("window", cards(30, _PRINTED), name="gap", window=16).scripted("drop a-b:data:5")
UPDATE_LOST = replace(
    stream("credit", cards(20, _PRINTED), reader=lunch(0.0, 1.0), capacity=4).scripted("cut a-b:990ms-1020ms"),
    name="update-lost",
)
SHIFT = replace(
    stream("credit", cards(60, _PRINTED), reader=lunch(0.3, 2.2, every=0.012), capacity=12, window=8),
    name="shift",
).scripted("drop a-b:data:9", "hold b-a:ack:20:60ms", "drop a-b:data:41")
BLAST = blast(cards(60, _PRINTED), room=8, reader=Reader(every=5 * MILLISECOND))
PACED = blast(cards(60, _PRINTED), room=8, reader=lunch(0.2, 0.4, every=0.009), every=0.01)
TWO = two_applications(
    cards(30, _PRINTED),
    [f"Herons {n} : {n // 2} Otters".encode() for n in range(30)],
    readers=(lunch(0.1, 0.5), lunch(0.0, 0.3, every=0.01)),
    capacity=8,
)

SCENES = {scene.name: scene for scene in (STREAM, BLAST, PACED, WAIT, GAP, UPDATE_LOST, SHIFT, TWO, APPLICATION)}
