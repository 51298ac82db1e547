"""Lab 6: its handout against its code, its questions against a pencil, and right and wrong told apart."""

import math
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("httptools", reason="the mesh's HTTP is not installed; ./lab test --all installs it")
pytest.importorskip("dns", reason="dnspython is not installed; ./lab test --all installs it")

from labs.course import CHECKOUT, open_course
from labs.grading.answers import given_folder
from labs.grading.reference import lay_out, read_patches
from labs.imports import hidden_closure
from labs.lab06_discovery import lecture, questions
from labs.lab06_discovery.evidence import asked, lists, percentile, waits
from labs.lab06_discovery.kinds import classify, describe, fields
from labs.lab06_discovery.scenes import FIRST_CHECK, MESH, SCENES, SLOW, WAYS, Chain, Move, balanced, outage, partition
from labs.story.notebook import Lecture
from labs.story.trace import Trace
from labs.testbed import sim
from labs.testbed.cast import Cast
from labs.testbed.scene import Scene
from mesh.http.http1 import build_request
from mesh.http.message import Request
from netstack.packets import ACK, Ethernet, IPv4, Tcp, number
from netstack.packets.ethernet import IPV4
from netstack.packets.tcp import PROTOCOL
from netstack.wire import SECOND

LAB = open_course().lab("6")
HANDOUT = (LAB.folder / "README.md").read_text(encoding="utf-8")
# Reading frames.


def frame(payload: bytes) -> bytes:
    source, destination = number("10.0.1.1"), number("10.0.2.1")
    segment = Tcp(5000, 8500, 1, 2, ACK, 3, payload).build(source, destination)
    return Ethernet(bytes(6), bytes([2] * 6), IPV4, IPv4(source, destination, PROTOCOL, segment).build()).build()


@pytest.mark.parametrize(
    ("method", "target", "kind"),
    [
        ("POST", "/players.Players/of", "ask"),
        ("PUT", "/services/players/p1", "register"),
        ("PUT", "/services/players/p1/heartbeat", "renew"),
        ("PUT", "/services/players/p1/status", "status"),
        ("DELETE", "/services/players/p1", "cancel"),
        ("GET", "/services/players?where.environment=production", "find"),
        ("GET", "/elsewhere", "data"),
    ],
)
def test_requests_are_known_by_what_they_ask_for(method: str, target: str, kind: str) -> None:
    said = frame(build_request(Request(method, target, "reg:8500")))
    assert classify(said) == kind
    assert kind == "data" or describe(said).startswith(f"{method} {target}")


@pytest.mark.parametrize(
    ("status", "kind"), [("200 OK", "answer"), ("204 No Content", "answer"), ("404 No", "refusal")]
)
def test_answers_are_told_from_refusals(status: str, kind: str) -> None:
    assert classify(frame(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode())) == kind


@given(st.binary(max_size=90))
def test_any_bytes_have_a_kind_a_line_and_fields(data: bytes) -> None:
    assert classify(data)
    assert describe(data).isprintable()
    assert sum(length for _, _, length, _ in fields(data)) == len(data)


def test_percentiles() -> None:
    assert [percentile([1.0, 2.0, 3.0, 4.0], share) for share in (0.25, 0.5, 0.99, 1.0)] == [1.0, 2.0, 4.0, 4.0]
    assert percentile([], 0.5) == math.inf


# The handout.


def test_the_handout_has_each_step_with_its_minutes_points_and_lines() -> None:
    for step in LAB.steps:
        assert re.search(rf"^## Step {step.id}\. .*\b{step.minutes} minutes", HANDOUT, re.MULTILINE), step.id
        row = rf"^\| {step.id} \| {re.escape(step.title)} \| .* \| {step.minutes} \| {step.points} \|"
        assert re.search(row, HANDOUT, re.MULTILINE), step.id
        assert step.lines in HANDOUT
    assert sum(step.minutes for step in LAB.steps) == LAB.core_minutes


def test_every_scene_that_the_handout_names_is_there() -> None:
    named = set(re.findall(r"--scene\s+([a-z-]+)|`(balanced-[a-z-]+)`", HANDOUT))
    assert {one or other for one, other in named} <= set(SCENES)
    assert len(named) >= 6


def test_the_handout_names_every_method_and_default_of_the_reference() -> None:
    for name in LAB.reference:
        source = (CHECKOUT / LAB.reference[name]).read_text(encoding="utf-8")
        for method in re.findall(r"^    def ([a-z]\w+)", source, re.MULTILINE):
            assert f"`{method}(" in HANDOUT or f", `{method}(" in HANDOUT, method


def test_what_is_hidden_is_what_gives_the_answers_away() -> None:
    assert LAB.hidden == hidden_closure([LAB.reference[name] for name in LAB.carried])


# The lab played.


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    reference = lay_out(open_course(), LAB, tmp_path_factory.mktemp("reference"))
    with Cast(own=reference, given=given_folder(LAB), hidden=LAB.hidden, preload=MESH) as cast:
        yield cast


BRIEF = (SCENES["list"], outage(count=20, died=3 * SECOND, killed=2 * SECOND), balanced("peak ewma", SLOW, count=40))


@pytest.mark.parametrize("scene", BRIEF, ids=lambda scene: scene.name)
def test_a_scene_plays_the_same_each_time(scene: Scene, cast: Cast) -> None:
    once, again = (list(sim.play(scene, cast, seed=5).trace.to_lines()) for _ in range(2))
    assert once == again


def test_the_dead_and_the_unfit_are_not_listed(cast: Cast) -> None:
    found = dict(lists(sim.play(SCENES["list"], cast, seed=1).trace))
    assert {tuple(names) for names in found.values()} == {(), ("p1", "p2"), ("p1",)}
    assert min(at for at, names in found.items() if names == ["p1"]) == pytest.approx(240, abs=11)


def test_a_registry_that_believes_in_a_cut_empties_itself(cast: Cast) -> None:
    story = {"cut": 70, "back": 300, "died": 100, "after": 10}
    for preserves, least in ((True, 11), (False, 4)):  # of eleven, one of whom is dead
        trace = sim.play(partition(**story, preserves_itself=preserves), cast, seed=1).trace
        assert min(len(names) for at, names in lists(trace) if at > 5) == least


def test_nobody_notices_that_the_registry_is_dead(cast: Cast) -> None:
    trace = sim.play(outage(killed=10 * SECOND, died=15 * SECOND, count=60), cast, seed=1).trace
    assert len(waits(trace)) == 60
    assert not any(b"again later" in payload for payload in trace.delivered("a"))
    assert set(asked(trace, ("p1", "p2", "p3"))) == {"p1", "p2", "p3"}


def test_what_the_lecture_shows() -> None:
    desk = Lecture("6")
    moved = lecture.lost_chart(desk.play("move"))
    assert [series.name for series in moved.series] == [f"by {way}" for way in WAYS]
    assert all(series.points[-1][1] > 3 for series in moved.series)
    plays = {kind: desk.play(balanced(kind, SLOW, count=120)) for kind in ("round robin", "peak ewma")}
    (_, *turns), (_, *costs) = lecture.share_table(plays).rows
    assert turns[2] == "33%"
    assert int(str(costs[2]).rstrip("%")) < 5
    assert [series.points[-1][0] for series in lecture.wait_chart(plays).series] == [100, 100]
    desk.close()


# Questions.


def next_question(after: float) -> int:
    """The first question not before a time: they come each five seconds."""
    return 5 * math.ceil(after / 5)


def by_dns(move: Move) -> tuple[int, int]:
    """When the resolver has the new address, and how often it has asked until the second change."""
    at, times, found = 5, 1, 0
    while at < move.changes:
        is_there = not move.moves < at < move.names
        at = next_question(at + 0.021 + (move.ttl if is_there else move.negative))
        found = found or (at if at > move.names else 0)
        times += at < move.changes
    return found, times


def at_hand_1(move: Move) -> list[object]:
    """Step 1 worked out with a pencil."""
    check = FIRST_CHECK + move.interval * math.ceil((move.moves - FIRST_CHECK) / move.interval)
    well = check + (move.rise - 1) * move.interval + 0.03
    found, times = by_dns(move)
    known = next_question(found)
    while (again := next_question(known + 0.021 + move.ttl)) < move.changes:
        known = again
    return [
        next_question(move.edits) // 5 - next_question(move.moves) // 5,
        pytest.approx(found, abs=1),
        times,
        next_question(well) // 5 - next_question(move.moves) // 5,
        "srv",
        next_question(known + 0.021 + move.ttl) // 5 - next_question(move.changes) // 5,
    ]


def at_hand_7(chain: Chain) -> list[object]:
    """Step 7, link by link."""

    def first(begin: float, every: float, after: float) -> float:
        return begin + every * math.ceil((after - begin) / every)

    renewed = chain.registered + 30 * math.floor((chain.dies - chain.registered) / 30)
    swept = first(0, 60, renewed + chain.duration)
    copied = first(chain.first_copy, chain.copied, swept)
    return [
        pytest.approx(each, abs=1) for each in (renewed, swept, copied, first(chain.first_asked, chain.asked, copied))
    ]


def test_each_student_has_answers_of_their_own_that_a_pencil_finds(cast: Cast) -> None:
    def play(scene: Scene) -> Trace:
        return sim.play(scene, cast, seed=1).trace

    truths: dict[int, set[tuple[object, ...]]] = {1: set(), 7: set()}
    for key in (f"student {count}" for count in range(3)):
        one = [each.truth() for each in questions.predict_1(key, play)]
        assert one == at_hand_1(questions.moved(key)), key
        seven = [each.truth() for each in questions.predict_7(key, play)]
        assert seven[:4] == at_hand_7(questions.chained(key)), key
        truths[1].add(tuple(one))
        truths[7].add(tuple(seven))
    assert all(len(each) == 3 for each in truths.values())


def test_no_event_of_step_7_falls_together_with_another() -> None:
    """Else a pencil could not tell which of the two comes first."""
    for key in map(str, range(500)):
        chain = questions.chained(key)
        renewed, swept, copied, known = (each.expected for each in at_hand_7(chain))
        assert chain.dies - renewed >= 0.5
        assert min(swept - renewed - chain.duration, copied - swept, known - copied) >= 0.5, chain


@pytest.mark.parametrize(("threshold", "renewals", "least"), [(0.85, 2, 7), (0.9, 2, 11), (0.75, 4, 5)])
def test_from_how_many_on_one_death_is_believed(threshold: float, renewals: int, least: int) -> None:
    assert questions._least(threshold, renewals) == least


# What is shown to be diagnosed.


def test_every_defect_of_the_menu_is_one_and_most_have_a_case() -> None:
    shown = {patch.one("defect") for patch in read_patches(LAB.folder / "held")}
    assert shown < set(questions.DEFECTS)
    assert len(shown) >= 8
