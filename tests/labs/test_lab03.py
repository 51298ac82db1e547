"""Lab 3: its formats against the handout; its evidence against traces made by hand; right and wrong told apart."""

import ast
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.course import CHECKOUT, open_course
from labs.grading.answers import given_folder
from labs.grading.reference import lay_out, read_patches
from labs.lab03_flow import questions
from labs.lab03_flow.evidence import beyond_credit, most_waiting, sent_again
from labs.lab03_flow.kinds import classify, classify_without_credit, describe, fields
from labs.lab03_flow.peers import frame
from labs.lab03_flow.scenes import CARD, SCENES, cards, stream
from labs.questions import Question
from labs.story.trace import FrameEvent, PortEvent, Trace
from labs.testbed import enclave, sim, testbeds
from labs.testbed.cast import Cast
from netstack.flow import sequence
from netstack.flow.messages import Ack, Data, Message, Probe
from netstack.flow.sequence import MODULUS, add
from netstack.wire import MILLISECOND

LAB = open_course().lab("3")
HANDOUT = (LAB.folder / "README.md").read_text(encoding="utf-8")
HEADERS = bytes.fromhex("02 00 00 00 02 00  02 00 00 00 01 00  88 b5")

numbers = st.integers(0, MODULUS - 1)
messages = st.one_of(
    st.builds(Data, numbers, st.binary(max_size=60)),
    st.builds(Ack, numbers, st.integers(0, 65535)),
    st.builds(Probe, numbers),
)


# The format, of which there are two declarations: netstack's, and the lab's kinds.


@given(messages, st.integers(0, 255), st.binary(max_size=30))
def test_a_frame_has_the_kind_and_the_fields_that_netstack_wrote(message: Message, flow: int, padding: bytes) -> None:
    data = frame("a", message, flow) + padding
    found = {name: value for name, _, _, value in fields(data)}
    kind = {Data: "data", Ack: "ack", Probe: "probe"}[type(message)]
    assert classify_without_credit(data) == kind
    assert classify(data) == ("zero" if message == Ack(message.number, 0) else kind)
    assert (found["number"], found["flow"], found["kind"]) == (str(message.number), str(flow), kind)
    assert str(message.number) in describe(data)


@given(st.one_of(st.binary(max_size=80), st.binary(max_size=80).map(HEADERS.__add__)))
def test_any_bytes_have_a_kind_a_line_and_fields_that_cover_them(data: bytes) -> None:
    assert classify(data) in {"data", "ack", "zero", "probe", "other"}
    assert describe(data).isprintable()
    place = 0
    for name, offset, length, value in fields(data):
        assert (offset, bool(name), length > 0, value.isprintable()) == (place, True, True, True)
        place += length
    assert place == len(data)


def test_every_line_of_bytes_in_the_handout_is_true() -> None:
    examples = re.findall(r"^(\w+\(.*\)) +→ +((?:[0-9a-f]{2} *)+)$", HANDOUT, re.MULTILINE)
    assert len(examples) == 3
    for written, line in examples:
        message = eval(written, {"Data": Data, "Ack": Ack, "Probe": Probe})
        assert frame("b" if isinstance(message, Ack) else "a", message) == bytes.fromhex(line), written


def test_every_sum_on_the_circle_in_the_handout_is_true() -> None:
    sums = re.findall(r"((?:add|distance|before)\(-?\d+, -?\d+\)) (==|is) (-?\d+|True|False)", HANDOUT)
    assert len(sums) == 6
    for call, _, result in sums:
        assert eval(call, vars(sequence)) == eval(result), call


def test_the_handout_has_each_step_with_its_minutes_points_and_lines() -> None:
    for step in LAB.steps:
        assert re.search(rf"^## Step {step.id}\. .*\b{step.minutes} minutes", HANDOUT, re.MULTILINE), step.id
        row = rf"^\| {step.id} \| {re.escape(step.title)} \| .* \| {step.minutes} \| {step.points} \|"
        assert re.search(row, HANDOUT, re.MULTILINE), step.id
        assert step.lines in HANDOUT
    assert sum(step.minutes for step in LAB.steps) == LAB.core_minutes


def test_a_card_takes_the_line_one_millisecond() -> None:
    (card,) = cards(1, random.Random(1))
    assert len(card) == CARD
    assert len(frame("a", Data(0, card))) * 8 == 1000


# What the judge reads out of a trace, from traces made by hand.


def sent(at: int, message: Message, *, index: int = 1, arrives: int | None = None) -> FrameEvent:
    sender = "b" if isinstance(message, Ack) else "a"
    direction = "b-a" if sender == "b" else "a-b"
    data = frame(sender, message)
    return FrameEvent(at, direction, classify(data), index, data, arrivals=(at + 20 if arrives is None else arrives,))


def trace_of(*events: FrameEvent | PortEvent) -> Trace:
    return Trace(scene="by hand", seed=0, testbed="sim", events=list(events))


@pytest.mark.parametrize("first", [0, MODULUS - 1])
def test_credit_counts_from_when_it_has_arrived(first: int) -> None:
    grant = sent(100, Ack(add(first, 1), 1))
    early, in_time = sent(119, Data(add(first, 1), b"")), sent(120, Data(add(first, 1), b""))
    assert beyond_credit(trace_of(grant, in_time), first, 1) is None
    assert beyond_credit(trace_of(grant, early), first, 1) == (early, add(first, 1))


def test_an_old_acknowledgement_takes_no_credit_back() -> None:
    late = (sent(10, Ack(3, 5)), sent(11, Ack(1, 1), arrives=50))
    assert beyond_credit(trace_of(*late, sent(60, Data(7, b""))), 0, 1) is None


def test_waiting_payloads_are_counted_with_the_reader_first() -> None:
    def event(at: int, what: str, number: int) -> PortEvent:
        return PortEvent(at, "b", "app", what, number, b"")  # type: ignore[arg-type]

    events = [event(1, "delivered", 1), event(1, "delivered", 2), event(5, "delivered", 3), event(5, "consumed", 1)]
    assert most_waiting(trace_of(*events)) == 2


def test_a_number_that_was_sent_before_is_sent_again() -> None:
    again = sent(3, Data(4, b""), index=3)
    assert sent_again(trace_of(sent(1, Data(4, b"")), sent(2, Data(5, b"")), again)) == [again]


# The price: a copy is a copy.


def test_the_second_application_is_a_copy_of_the_first() -> None:
    """Two implementations of one concern are a defect, but here they are the lesson: so they must not differ."""
    originals = {}
    for name in ("netstack/flow/window.py", "netstack/flow/credit.py"):
        originals |= pieces(CHECKOUT / name)
    for name in ("conversation.py", "by_credit.py"):
        originals |= pieces(LAB.folder / "given" / name)
    copy = pieces(LAB.folder / "reference/scores.py")
    assert {name: text for name, text in copy.items() if name not in ("main", "reporter", "board")} == originals


def pieces(path: Path) -> dict[str, str]:
    source = path.read_text(encoding="utf-8")
    nodes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    nodes += [node for node in ast.parse(source).body if isinstance(node, ast.AsyncFunctionDef)]  # type: ignore[misc]
    return {node.name: ast.get_source_segment(source, node) or "" for node in nodes}


# The lab played.


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(open_course(), LAB, tmp_path_factory.mktemp("reference"))


@pytest.fixture(scope="module")
def cast(reference: Path) -> Iterator[Cast]:
    with Cast(own=reference, given=given_folder(LAB), hidden=LAB.hidden) as cast:
        yield cast


def test_the_default_scene_closes_the_window_and_opens_it_again(cast: Cast) -> None:
    trace = sim.play(next(iter(SCENES.values())), cast, seed=1).trace
    kinds = [one.kind for one in trace.frames("b-a")]
    assert "zero" in kinds
    assert "ack" in kinds[kinds.index("zero") :]
    assert len(trace.delivered("b")) == 40


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_plays_the_same_each_time(name: str, cast: Cast) -> None:
    once, again = (list(sim.play(SCENES[name], cast, seed=5).trace.to_lines()) for _ in range(2))
    assert once == again


def test_a_window_below_what_the_path_holds_leaves_the_line_idle(cast: Cast) -> None:
    """As the handout says: 41 cards fit into 41.2 ms, and a window of 20 uses half of the line."""
    deliveries = {}
    for size in (20, 41, 42):
        scene = stream("window", cards(80, random.Random(1)), window=size)
        events = sim.play(scene, cast, seed=1).trace.at_port("delivered", "b")
        deliveries[size] = (events[-1].at - events[0].at) / MILLISECOND
    assert deliveries[42] == 79
    assert deliveries[41] == pytest.approx(79, abs=0.5)
    assert deliveries[20] == pytest.approx(2 * 79, rel=0.1)


def test_each_module_that_is_imported_by_name_comes_from_one_place() -> None:
    given_files = {path.name for path in (LAB.folder / "given").glob("*.py")}
    starter = {path.name for path in (LAB.folder / "starter").glob("*.py")}
    assert not given_files & starter
    assert set(LAB.reference) <= starter


# Questions.


def by_hand(desk: questions.Desk) -> list[int]:
    """The cards that fall off, worked out as the handout says, in microseconds."""
    begin, end = (1000 * time for time in desk.lunch)
    every, taken, waiting, lost = round(desk.every * 1000), [], [], []

    def next_take() -> int:
        earliest = max(waiting[0], taken[-1] + every if taken else 0)
        return end if begin <= earliest < end else earliest

    for card in range(desk.count):
        arrival = 21_000 + card * (desk.interval or 1) * 1000
        while waiting and next_take() <= arrival:
            taken.append(next_take())
            waiting.pop(0)
        if len(waiting) < desk.room:
            waiting.append(arrival)
        else:
            lost.append(card)
    return lost


def test_each_student_has_answers_of_their_own_that_a_pencil_finds(cast: Cast) -> None:
    def asked(key: str) -> list[Question]:
        return questions.predict_1(key, lambda scene: sim.play(scene, cast, seed=1).trace)

    truths = {}
    for key in (f"student {number}" for number in range(5)):
        blast, paced = questions.desks(key)
        one, other = by_hand(blast), by_hand(paced)
        truths[key] = [question.truth() for question in asked(key)]
        assert truths[key] == [blast.count - len(one), one[0], other[0], len(other)]
    assert len({tuple(each) for each in truths.values()}) >= 4


def test_a_held_defect_is_on_the_menu() -> None:
    for patch in read_patches(LAB.folder / "held"):
        assert patch.one("defect") in questions.DEFECTS
        assert patch.one("scene") in SCENES


def test_plain_mininet_takes_the_topology() -> None:
    mn = Path(sys.executable).parent / "mn"
    if not mn.exists() or not shutil.which("ifconfig", path="/usr/sbin:/sbin:/usr/bin:/bin"):
        pytest.skip("Mininet's own command needs mn beside this Python, and ifconfig")
    if reason := testbeds.why_not("mininet"):
        pytest.skip(reason)

    def run() -> "subprocess.CompletedProcess[str]":
        custom = ["--custom", str(LAB.folder / "topology.py"), "--topo", "flow"]
        command = [sys.executable, str(mn), *custom, "--switch", "lxbr", "--controller", "none"]
        return subprocess.run(
            command, input="net\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False
        )

    done = enclave.call(run)
    assert done.returncode == 0, done.stdout
    assert "a a-eth0:" in done.stdout
