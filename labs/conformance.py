"""One conformance suite for the application, whatever carries its questions.

*teams* and *players* behave the same in every lab; only where their networking lives changes. So each lab's `scenes.py`
has a scene `APPLICATION`, whose one port called `app` is where people ask *teams*; everything else about it is the
lab's own. The suite offers its questions there and reads the answers there, and knows nothing of what lies between.

The expected answers are worked out from our own copy of `business.py`, and some stand here word for word.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from labs.lab00_machine.starter import business
from labs.story.trace import Trace
from labs.testbed.judge import Judge
from labs.testbed.scene import Offering, Port, Scene
from netstack.wire import SECOND

PORT = "app"
SHOWN = 4  # payloads in a message


@dataclass(frozen=True, slots=True)
class Asked:
    """A question at *teams*' application port, and the one right answer to it. Both are UTF-8."""

    question: bytes
    answer: bytes

    @property
    def is_nobody(self) -> bool:
        """Whether the answer is that nobody plays for the team, which a program may mistake for no answer."""
        return self.answer.endswith(b": nobody")


WORD_FOR_WORD = tuple(
    Asked(question.encode(), answer.encode())
    for question, answer in (
        ("Who plays for Herons?", "Herons: Ada, Edsger, Grace"),
        ("Who plays for Otters?", "Otters: Barbara, Leslie"),
        ("Who plays for Żubry?", "Żubry: Łukasz, Zofia, Stanisław"),
        ("Who plays for 雪豹?", "雪豹: 李娜, 王芳"),
        ("Who plays for Understudies?", "Understudies: nobody"),
    )
)
UNKNOWN = ("herons", "Herons ", "Otters & Sons", "Real  Sociedad", "1. FC", "Ünknown", "鹤", "who?", "0")


def about(team: str) -> Asked:
    """The question about `team`, and its answer."""
    return Asked(f"Who plays for {team}?".encode(), business.answer(team, business.players_of(team)))


def drawn(source: random.Random, count: int) -> list[Asked]:
    """`count` questions of all sorts: known teams, teams that nobody knows, names that are not ASCII, repeats."""
    names = [*business.CARDS, *source.sample(UNKNOWN, 3), f"Team {source.randrange(10**6)}"]
    asked = [about(name) for name in names]
    asked += [about(source.choice(names)) for _ in range(count - len(asked))]
    source.shuffle(asked)
    return asked[:count]


def asking(scene: Scene, asked: Sequence[Asked], *, every: int = SECOND) -> Scene:
    """`scene` with these questions, and no others, offered at its port `app`, one each `every` ns."""
    offers = tuple(Offering(one.question, index * every) for index, one in enumerate(asked))
    port = people_at(scene)
    others = tuple(other for other in scene.ports if other is not port)
    return replace(scene, ports=(replace(port, offers=offers, enough=len(offers)), *others))


def people_at(scene: Scene) -> Port:
    """The port of `scene` at which people ask; raises `LookupError` unless there is exactly one called `app`."""
    ports = [port for port in scene.ports if port.name == PORT]
    if len(ports) != 1:
        raise LookupError(f"scene {scene.name!r} has {len(ports)} ports called {PORT!r}; the application has one")
    return ports[0]


def expect_answers(judge: Judge, trace: Trace, scene: Scene, asked: Sequence[Asked], *, in_order: bool = True) -> None:
    """Expect that people got the right answer to each question, once; in the order of asking unless said otherwise."""
    got = trace.delivered(people_at(scene).host)
    right = {one.answer for one in asked}
    wrong = [payload for payload in got if payload not in right]
    failing = "wrong" if wrong else "silence" if got else "mute"
    for one in asked:
        judge.expect(
            f"application:{failing}:{'nobody' if one.is_nobody else 'players'}",
            one.answer in got,
            f"{_text(one.question)} is answered with {_text(one.answer)}",
            found=f"wrong answers: {_texts(wrong)}" if wrong else f"{len(got)} right answers to others, none to this",
        )
    wanted = [one.answer for one in asked]
    surplus = list((Counter(got) - Counter(wanted)).elements())
    judge.expect("application:once", not surplus, "nobody gets an answer too many", found=f"surplus: {_texts(surplus)}")
    missing = list((Counter(wanted) - Counter(got)).elements())
    judge.expect("application:each", not missing, "each question is answered", found=f"missing: {_texts(missing)}")
    if in_order:
        judge.expect("application:order", got == wanted, "answers come in the order of asking", found=_texts(got))


def conforms(judge: Judge, scene: Scene, *, count: int = 12, every: int = SECOND) -> Trace:
    """The suite: ask word for word, then at random, one question each `every` ns; returns the trace for more."""
    asked = [*WORD_FOR_WORD, *drawn(judge.random, count)]
    trace = judge.play(asking(scene, asked, every=every))
    expect_answers(judge, trace, scene, asked)
    return trace


def _text(payload: bytes) -> str:
    return repr(payload.decode("utf-8", "backslashreplace"))


def _texts(payloads: Sequence[bytes]) -> str:
    more = f" and {len(payloads) - SHOWN} more" if len(payloads) > SHOWN else ""
    return ", ".join(map(_text, payloads[:SHOWN])) + more
