"""Step 6's questions: the three prices of a library, as the fleet has them."""

import random
import tempfile
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from labs.fleet import catalogue
from labs.fleet.catalogue import SERVICES
from labs.fleet.measuring import half_way, in_virtual_time
from labs.fleet.prices import ByLibrary, Governance
from labs.fleet.working_copy import WorkingCopy
from labs.questions import Play, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What the student with a key is asked about."""

    style: str
    renamed: str
    order: tuple[str, ...]
    done: int
    fleet: int
    rate: int
    edited: int


def prices(key: str) -> Prices:
    """What the student with `key` is asked about."""
    source = random.Random(f"step 6 {key}")
    names = [kind.name for kind in SERVICES]
    return Prices(
        style=source.choice(sorted({kind.style for kind in SERVICES})),
        renamed=source.choice(("option", "header")),
        order=tuple(source.sample(names, len(names))),
        done=source.randint(3, 5),
        fleet=source.randint(6, 11),
        rate=source.choice((5, 8, 10)),
        edited=source.randint(20, 90),
    )


def predict_6(key: str, play: Play) -> list[Question]:
    """Glue, one runtime, governance: by hand, and as the fleet has it."""
    own = prices(key)
    return [*_about_edits(own), *_about_upgrades(own), *_about_ruby(own)]


def _about_edits(own: Prices) -> list[Question]:
    old = {"option": "timeout", "header": "x-caller"}[own.renamed]
    return [
        Question(
            "q1",
            f"Glue: how many lines wire the three services in the style *{own.style}* to the library, together?",
            lambda: _glue(own.style),
            why="the column `glue` of `./lab fleet`",
        ),
        Question(
            "q2",
            f"Governance: suppose that release 2 renames the {own.renamed} only. How many files of the twelve services "
            "must be edited, each service's `requirements.txt` among them?",
            lambda: _files(old),
            why="every service must say that it wants the new release, also those whose code does not change",
        ),
    ]


def _about_upgrades(own: Prices) -> list[Question]:
    upgraded = own.order[: own.done]
    upgrade = cache(partial(_upgrade, own.fleet))
    return [
        Question(
            "q3",
            f"{', '.join(upgraded)} have release 2, and no others yet. One question is asked of each of the twelve "
            "services. How many fail?",
            lambda: len(_half_way(upgraded)),
            why="a question fails if any call on its way goes from one release to the other; people say both headers",
        ),
        Question(
            "q4",
            f"`./lab fleet {own.fleet} --bridge`: how many restarts does the upgrade take?",
            lambda: upgrade().restarts,
            why="each service twice, so that nobody fails",
        ),
        Question(
            "q5",
            "And how many edits of files, all rounds together?",
            lambda: upgrade().edits,
            why="the first round edits the requirements, the second these again, and the code",
        ),
    ]


def _about_ruby(own: Prices) -> list[Question]:
    return [
        Question(
            "q6",
            f"One runtime: *archive*, in Ruby, is asked {own.rate} times a second. *players* moves; "
            f"{own.edited} minutes later somebody has edited `archive.conf` and started *archive* anew. How many "
            "questions failed?",
            own.rate * 60 * own.edited,
            why="who asks by the library has lost none in that time. It is not the edit that is dear, but the wait for "
            "somebody who knows that it is needed",
        ),
    ]


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="downstack-fleet-")


def _glue(style: str) -> int:
    with _folder() as folder:
        copy = WorkingCopy.lay_out(Path(folder))
        return sum(copy.count(kind.name).glue for kind in SERVICES if kind.style == style)


def _files(old: str) -> int:
    sources = (catalogue.HERE / "services").glob("*/*.*")
    mentioned = sum(f'"{old}"' in text or f"{old} =" in text or f"{old}=" in text for text in map(_text, sources))
    return len(SERVICES) + mentioned


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _half_way(upgraded: tuple[str, ...]) -> frozenset[str]:
    with _folder() as folder:
        return frozenset(half_way(Path(folder), upgraded))


def _upgrade(count: int) -> Governance:
    kinds = SERVICES[:count]
    upgrade = ByLibrary([kind.name for kind in kinds], bridge=True)
    with _folder() as folder:
        return in_virtual_time(Path(folder), kinds, upgrade, rate=1, seed=1, done=lambda name: None).governance
