"""Lab 8: its handout against its code; questions whose answers hold; right and wrong told apart."""

import random
import re
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from labs.course import CHECKOUT, open_course
from labs.fleet.catalogue import SERVICES
from labs.fleet.measuring import half_way
from labs.grading.answers import given_folder
from labs.grading.examination import Examination
from labs.grading.reference import BROUGHT, lay_out
from labs.lab08_library import lecture, questions
from labs.lab08_library.elsewhere import elsewhere
from labs.lab08_library.evidence import counted, heard
from labs.lab08_library.scenes import MOVES, ONE_HANGS, PLAYERS, SCENES
from labs.lab08_library.session import session
from labs.story.notebook import Played
from labs.story.telling import Teller
from labs.story.trace import Trace
from labs.testbed import sim
from labs.testbed.cast import Cast
from labs.testbed.judge import Verdict
from labs.testbed.scene import Scene
from mesh.parts import OURS, Settings
from mesh.stack import client_stack
from mesh.telemetry.metrics import Calls

LAB = open_course().lab("8")
HANDOUT = (LAB.folder / "README.md").read_text(encoding="utf-8")
KEYS = ("one", "two", "three")


# The handout.


def test_the_handout_has_each_step_with_its_minutes_points_and_lines() -> None:
    for step in LAB.steps:
        assert re.search(rf"^## Step {step.id}\. .*\b{step.minutes} minutes", HANDOUT, re.MULTILINE), step.id
        row = rf"^\| {step.id} \| {re.escape(step.title)} \| .* \| {step.minutes} \| {step.points} \|"
        assert re.search(row, HANDOUT, re.MULTILINE), step.id
        assert step.lines in HANDOUT
    assert sum(step.minutes for step in LAB.steps) == LAB.core_minutes


def test_every_scene_that_the_handout_names_is_there() -> None:
    named = set(re.findall(r"--scene ([a-z0-9-]+)", HANDOUT))
    assert named <= set(SCENES)
    assert set(SCENES) - named <= {"application"}, "the handout names all others"


def test_the_handouts_table_has_the_roles_in_no_order_that_helps() -> None:
    section = HANDOUT.partition("\n## Step 1.")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| `", section, re.MULTILINE)
    stack = client_stack("players", OURS, Settings(), calls=Calls(), randomness=random.Random(1))
    assert sorted(rows) == sorted(stack.roles)
    assert not set(pairwise(rows)) & set(pairwise(stack.roles))


# What is played.


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    folder = lay_out(open_course(), LAB, tmp_path_factory.mktemp("reference"))
    with Cast(own=folder, given=given_folder(LAB), hidden=LAB.hidden) as cast:
        yield cast


def play(scene: Scene, cast: Cast) -> Trace:
    trace = sim.play(scene, cast, seed=3).trace
    assert all(exit_.how in ("returned", "cancelled") for exit_ in trace.exits()), list(trace.exits())
    return trace


def test_the_scene_of_the_handout_shows_what_it_says(cast: Cast) -> None:
    made = counted(play(ONE_HANGS, cast), PLAYERS)
    assert made["p1"] == 5
    assert heard(play(MOVES, cast)) == (60, 0)


@pytest.mark.parametrize("key", KEYS)
def test_a_role_elsewhere_has_the_answers_that_a_pencil_finds(cast: Cast, key: str) -> None:
    own = elsewhere(key)
    found = {each.id: each.truth() for each in questions.predict_3(key, partial(play, cast=cast))}
    assert found["q1"] == own.requests * own.tries
    assert found["q2"] == -(-5 // own.tries)
    assert found["q3"] == own.many // 2
    assert found["q4"] == (3 * own.tries + own.few // 3 * 3) // 3
    assert found["q5"] == own.few + 5
    assert found["q6"] == pytest.approx(own.tries * own.timeout, abs=0.15)


@pytest.mark.parametrize("key", KEYS)
def test_a_session_has_the_answers_that_a_pencil_finds(key: str) -> None:
    own = session(key)
    found = {each.id: each.truth() for each in questions.predict_5(key, _not_played)}
    assert found["q1"] == -(-len(own.request) // own.piece)
    assert found["q2"] == pytest.approx(sum(own.takes))
    assert found["q3"] == pytest.approx(max(own.takes))
    assert found["q4"] == 4
    assert found["q5"] == found["q6"] == own.connections - own.idle


def _not_played(scene: Scene) -> Trace:
    raise AssertionError("nothing is played for these questions")


# The fleet, half way.

NEEDS = {
    "teams": {"players"},
    "coaches": {"players"},
    "matches": {"teams", "venues"},
    "scores": {"matches", "referees"},
    "tickets": {"matches", "venues"},
    "standings": {"matches", "scores"},
    "transfers": {"players", "coaches"},
    "schedule": {"matches", "referees"},
    "news": {"scores", "tickets"},
}
PAIRS_ONLY = {"scores", "tickets", "standings"}
"""These ask *matches* for the pair of a day, for which it asks nobody."""


@pytest.mark.parametrize("seed", range(3))
def test_half_way_those_fail_whose_way_crosses_releases(tmp_path: Path, seed: int) -> None:
    upgraded = random.Random(seed).sample([kind.name for kind in SERVICES], 4)

    def fails(name: str, *, pair_only: bool = False) -> bool:
        if pair_only:
            return False
        return any(
            (name in upgraded) != (other in upgraded)
            or fails(other, pair_only=other == "matches" and name in PAIRS_ONLY)
            for other in NEEDS.get(name, ())
        )

    assert half_way(tmp_path, upgraded) == {kind.name for kind in SERVICES if fails(kind.name)}


def test_the_lecture_draws_what_was_played(cast: Cast) -> None:
    played = Played(play(ONE_HANGS, cast), Teller.of(LAB))
    calls = {series.name: series.points for series in lecture.calls_chart(played).series}
    assert [points[-1][1] for points in calls.values()] == list(counted(played.trace, PLAYERS).values())
    assert len(lecture.waits_chart({"it": played}).series[0].points) == 30
    (hill,) = lecture.half_way_chart({"callees first": lecture.CALLEES_FIRST}).series
    failing = [count for _, count in hill.points]
    assert failing[0] == failing[-1] == 0
    assert max(failing) >= 6


# What is brought from earlier labs.


def test_the_reference_brings_what_students_have_written_before(tmp_path: Path) -> None:
    folder = lay_out(open_course(), LAB, tmp_path)
    names = [line.split()[1] for line in (folder / BROUGHT).read_text(encoding="ascii").splitlines()]
    assert sorted(names) == sorted(LAB.takes)
    for name in names:
        assert (folder / name).read_bytes() == (CHECKOUT / "mesh/policies" / name).read_bytes()


def test_a_file_that_was_changed_is_noticed(tmp_path: Path) -> None:
    own = lay_out(open_course(), LAB, tmp_path / "own")
    with (own / "breaker.py").open("a", encoding="utf-8") as file:
        file.write("# a better one\n")
    with Examination(lab=LAB, submission=own, counts={"sim": 1}) as examination:
        (result,) = examination.steps([LAB.step("1")])
    assert result.verdict is Verdict.FAIL
