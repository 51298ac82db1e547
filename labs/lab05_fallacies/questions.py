"""Lab 5's questions: eight scenes, a fallacy each, shuffled and drawn for each student; which is it, and its number."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from labs.lab05_fallacies.fallacies import FALLACIES, Incident
from labs.questions import Play, Question
from labs.testbed.judge import Broken
from labs.testbed.scene import Scene

FIRST_HALF, SECOND_HALF = range(1, 5), range(5, 9)


@dataclass(frozen=True, slots=True)
class Case:
    """A scene to diagnose: what is wrong in it, and the name under which a student plays it."""

    name: str
    fallacy: str
    incident: Incident


def cases(key: str) -> list[Case]:
    """The eight scenes of the student with `key`, in their order."""
    names = list(FALLACIES)
    random.Random(f"order {key}").shuffle(names)
    return [Case(f"case{n}", name, _incident(key, name)) for n, name in enumerate(names, 1)]


def _incident(key: str, name: str) -> Incident:
    return FALLACIES[name].make(random.Random(f"{name} {key}"))


def own_scenes(key: str) -> dict[str, Scene]:
    """What this student can play before answering, under names that tell nothing."""
    return {case.name: replace(case.incident.scene, name=case.name) for case in cases(key)}


def diagnose_3(key: str, play: Play) -> list[Question]:
    """The first four."""
    return [question for n in FIRST_HALF for question in _about(n, cases(key)[n - 1], play)]


def diagnose_4(key: str, play: Play) -> list[Question]:
    """The other four."""
    return [question for n in SECOND_HALF for question in _about(n, cases(key)[n - 1], play)]


def _about(n: int, case: Case, play: Play) -> Iterator[Question]:
    fallacy = FALLACIES[case.fallacy]
    yield Question(
        case.name,
        f"Which fallacy does `./lab run 5 --scene {case.name} --on sim --brief` show? One of {', '.join(FALLACIES)}.",
        case.fallacy,
        why=fallacy.words,
    )
    yield Question(
        f"number{n}",
        "And which number shows it? The handout says for each fallacy which.",
        _number(case, play),
        tolerance=case.incident.tolerance,
        why=fallacy.number,
        hint=f"{case.name} is what you say. {fallacy.hint}",
    )


def _number(case: Case, play: Play) -> Callable[[], float]:
    return partial(_played, case, play)


def _played(case: Case, play: Play) -> float:
    trace = play(replace(case.incident.scene, name=case.name))
    try:
        return case.incident.number(trace)
    except (ValueError, LookupError, ArithmeticError) as error:  # in a student's edition the calls are the student's
        text = f"{case.name} plays as it should, with your call.py"
        raise Broken("answers:scene", text, found=f"it does not ({error}): do step 1 first") from None
