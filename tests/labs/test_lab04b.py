"""Lab 4b: its evidence against traces made by hand; the judge's own end; right and wrong told apart; the handout."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from labs.course import CHECKOUT, open_course
from labs.grading.answers import given_folder
from labs.grading.examination import Examination
from labs.grading.reference import lay_out, read_patches, right_answers
from labs.lab04b_tcp import questions
from labs.lab04b_tcp.evidence import Conversation, in_order, known_at, limit_at, repeats
from labs.lab04b_tcp.peers import B, FarEnd, parse, settings
from labs.lab04b_tcp.reference.positions import position
from labs.lab04b_tcp.scenes import ALL, SCENES, caller
from labs.story.packets import classify
from labs.story.trace import FrameEvent, Trace
from labs.testbed import sim
from labs.testbed.cast import Cast
from labs.testbed.judge import Verdict
from netstack.flow.sequence import MODULUS, distance
from netstack.packets import ACK, FIN, SYN, Ethernet, IPv4, Options, Tcp, ethernet, number
from netstack.wire import MILLISECOND

LAB = open_course().lab("4b")
HANDOUT = (LAB.folder / "README.md").read_text(encoding="utf-8")
A = (number("10.0.0.1"), 50_000)


# What the judge reads out of a trace, from traces made by hand.


def sent(
    at: int,
    sender: str,
    flags: int,
    sequence: int,
    wanted: int,
    *,
    bytes_: int = 0,
    window: int = 100,
    lost: bool = False,
) -> FrameEvent:
    here, there = (A, B) if sender == "a" else (B, A)
    options = Options(mss=1_460, window_scale=2) if flags & SYN else Options()
    segment = Tcp(here[1], there[1], sequence % MODULUS, wanted % MODULUS, flags, window, bytes(bytes_), options)
    packet = IPv4(here[0], there[0], 6, segment.build(here[0], there[0]))
    data = Ethernet(b"\2" * 6, b"\4" * 6, ethernet.IPV4, packet.build()).build()
    direction = "a-b" if sender == "a" else "b-a"
    return FrameEvent(at, direction, classify(data), 1, data, arrivals=() if lost else (at + 10,))


def conversation(*events: FrameEvent, isn: int = MODULUS - 3) -> Conversation:
    """Behind a handshake in which a begins with `isn` and b with 500; both scale their windows by four."""
    opening = sent(0, "a", SYN, isn, 0), sent(10, "b", SYN | ACK, 500, isn + 1)
    return Conversation(Trace(scene="by hand", seed=0, testbed="sim", events=[*opening, *events]))


def test_positions_count_from_each_side_s_syn_and_go_round() -> None:
    first = MODULUS - 2
    talk = conversation(
        sent(20, "a", ACK, first, 501, bytes_=10),
        sent(30, "b", ACK, 501, first + 10),
        sent(40, "a", ACK | FIN, first + 10, 501),
    )
    one, end = talk.said("a-b")
    assert (one.start, one.end, one.wanted, one.edge) == (0, 10, 0, 400)
    assert (end.start, end.end) == (10, 11)
    assert talk.said("b-a")[0].wanted == 10
    assert limit_at(talk, 39) == 100  # the SYN's window is not scaled
    assert limit_at(talk, 40) == 410
    assert (known_at(talk, 39), known_at(talk, 40)) == (0, 10)


def test_what_is_out_of_order_is_told_from_what_is_not() -> None:
    first = MODULUS - 2
    talk = conversation(
        sent(20, "a", ACK, first, 501, bytes_=10),
        sent(21, "a", ACK, first + 20, 501, bytes_=10),
        sent(22, "a", ACK, first + 10, 501, bytes_=10),
        sent(23, "a", ACK, first, 501, bytes_=10),
        sent(24, "a", ACK | FIN, first + 30, 501),
    )
    assert in_order(talk, "a-b") == [(30, 10, True), (31, 10, False), (32, 30, False), (33, 30, False), (34, 31, True)]


def test_a_repeat_is_known_by_its_number() -> None:
    first = MODULUS - 2
    lost = sent(20, "a", ACK, first, 501, bytes_=10, lost=True)
    again = sent(90, "a", ACK, first, 501, bytes_=10)
    ((repeat, before),) = repeats(conversation(lost, again))
    assert (repeat.frame, before.frame) == (again, lost)


@pytest.mark.parametrize("near", [0, 5, MODULUS - 5, 3 * MODULUS + 17])
def test_the_reference_s_positions_are_those_of_our_connection(near: int) -> None:
    for offset in (-70_000, -1, 0, 1, 70_000):
        wire = (near + offset) % MODULUS
        assert position(wire, near) == near + distance(near % MODULUS, wire)


def test_the_references_that_are_ours_are_the_very_files() -> None:
    for name, source in (("reassembler.py", "reassembler.py"), ("timer.py", "rtt.py")):
        assert (LAB.folder / "reference" / name).resolve() == CHECKOUT / "netstack/tcp" / source


# The handout.


def test_the_handout_has_each_step_with_its_minutes_points_and_lines() -> None:
    for step in LAB.steps:
        assert re.search(rf"^## Step {step.id}\. .*\b{step.minutes} minutes", HANDOUT, re.MULTILINE), step.id
        row = rf"^\| {step.id} \| {re.escape(step.title)} \| .* \| {step.minutes} \| {step.points} \|"
        assert re.search(row, HANDOUT, re.MULTILINE), step.id
        assert step.lines in HANDOUT
        assert step.minutes <= 90
    assert sum(step.minutes for step in LAB.steps) == LAB.core_minutes


def test_the_handout_s_positions_are_true() -> None:
    examples = re.findall(r"position\((\d+), (\d+)\) is (\d+)", HANDOUT)
    assert len(examples) == 4
    for wire, near, wanted in examples:
        assert position(int(wire), int(near)) == int(wanted)


# The lab played.


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    own = lay_out(open_course(), LAB, tmp_path_factory.mktemp("reference"))
    with Cast(own=own, given=given_folder(LAB), hidden=LAB.hidden) as cast:
        yield cast


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_plays_the_same_each_time(name: str, cast: Cast) -> None:
    once, again = (list(sim.play(SCENES[name], cast, seed=5).trace.to_lines()) for _ in range(2))
    assert once == again
    assert not [event.detail for event in sim.play(SCENES[name], cast, seed=5).trace.exits() if event.how == "raised"]


def test_the_judge_s_end_keeps_the_reader_s_hours(cast: Cast) -> None:
    far = FarEnd(settings=settings(receive_buffer=5_000), pauses=((0, 400 * MILLISECOND),))
    trace = sim.play(caller(far, bytes(20_000), ALL, name="hours"), cast, seed=1).trace
    windows = [
        (frame.at, segment.window) for frame in trace.frames("b-a") if (segment := parse(frame.data)) is not None
    ]
    assert min(window for at, window in windows if at < 400 * MILLISECOND) == 0
    assert next(window for at, window in windows if at >= 400 * MILLISECOND) == 5_000
    assert len(far.received) == 20_000


def test_what_is_wrong_with_trouble_shows_in_it(cast: Cast) -> None:
    """The scene to diagnose has a loss each way, a closed window, a question, and a FIN that is lost."""
    trace = sim.play(SCENES["trouble"], cast, seed=7).trace
    lost = {(frame.direction, frame.kind) for frame in trace.frames() if frame.lost}
    assert lost == {("a-b", "data"), ("b-a", "data"), ("a-b", "fin")}
    assert {frame.kind for frame in trace.frames("b-a")} >= {"zero"}
    talk = Conversation(trace)
    assert [said for said in talk.said("a-b") if said.is_bare and said.start < known_at(talk, said.frame.at)]


def steps_on_sim() -> list[str]:
    return [step.id for step in LAB.steps if step.kind == "build" and "sim" in step.testbeds]


def verdicts(submission: Path, wanted: list[str]) -> dict[str, Verdict]:
    with Examination(lab=LAB, submission=submission, on="sim") as examination:
        return {result.step.id: result.verdict for result in examination.steps(list(map(LAB.step, wanted)))}


@pytest.mark.parametrize("answer", [None, *right_answers(LAB)], ids=lambda path: path.name if path else "reference")
def test_a_right_answer_passes(answer: Path | None, tmp_path: Path) -> None:
    own = lay_out(open_course(), LAB, tmp_path / "own")
    if answer is not None:
        shutil.copytree(answer, own, dirs_exist_ok=True)
    with Examination(lab=LAB, submission=own, on="sim", counts={"sim": 1}) as examination:
        for result in examination.steps(list(map(LAB.step, steps_on_sim()))):
            assert result.verdict is Verdict.PASS, (result.step.id, result.why, result.deciding)


def test_the_starter_earns_nothing() -> None:
    wanted = steps_on_sim()
    assert verdicts(LAB.folder / "starter", wanted) == dict.fromkeys(wanted, Verdict.FAIL)


SOME = [
    "raw_numbers",
    "borrows_ours",
    "fin_before_data",
    "back_off_never_ends",
    "no_karn",
    "asks_with_a_byte",
    "halves_twice",
]


@pytest.mark.parametrize("name", SOME)
def test_a_mutant_is_caught_at_its_step(name: str, tmp_path: Path) -> None:
    """Some of them, quickly; `lab prove 4b` takes them all."""
    (patch,) = [patch for patch in read_patches(LAB.folder / "wrong") if patch.name == name]
    patch.apply(lay_out(open_course(), LAB, tmp_path / "mutant"))
    assert verdicts(tmp_path / "mutant", [patch.one("step")]) == {patch.one("step"): Verdict.FAIL}


def test_a_fingerprint_leads_to_one_hint() -> None:
    hints: dict[tuple[str, str], str] = {}
    for patch in read_patches(LAB.folder / "wrong"):
        for fingerprint in patch.all("fingerprint"):
            hint = patch.one("hint")
            assert hints.setdefault((patch.one("step"), fingerprint), hint) == hint, patch.name


def test_each_module_that_is_imported_by_name_comes_from_one_place() -> None:
    given_files = {path.name for path in (LAB.folder / "given").glob("*.py")}
    starter = {path.name for path in (LAB.folder / "starter").glob("*.py")}
    assert not given_files & starter
    assert set(LAB.reference) <= starter


# Questions.


def test_each_student_has_answers_of_their_own(cast: Cast) -> None:
    truths = set()
    for key in ("Ada", "Barbara", "Grace", "Leslie"):
        asked = questions.predict_1(key, lambda scene: sim.play(scene, cast, seed=1).trace)
        truths.add(tuple(question.truth() for question in asked))
    assert len(truths) == 4


def test_rounds_double_and_then_grow_by_one() -> None:
    assert questions.rounds(2, 17)[:7] == [2, 4, 8, 16, 17, 18, 19]


def test_a_held_defect_is_on_the_menu() -> None:
    for patch in read_patches(LAB.folder / "held"):
        assert patch.one("defect") in questions.DEFECTS
        assert patch.one("scene") in SCENES
