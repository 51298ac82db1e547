"""Lab 1: its formats against scapy and the handout; its checks tell the reference from the starter and from mutants."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.l2 import Ether

from labs.course import open_course
from labs.grading.answers import given_folder
from labs.grading.examination import Examination
from labs.grading.reference import lay_out, read_patches
from labs.lab01_wire.kinds import KINDS, classify, classify_piece, describe, fields
from labs.lab01_wire.reference.cable import BROADCAST, ETHERTYPE
from labs.lab01_wire.reference.frame_layer import Downstack
from labs.lab01_wire.scenes import APPLICATION, SCENES
from labs.testbed import enclave, testbeds
from labs.testbed.cast import Cast
from labs.testbed.judge import Verdict
from labs.testbed.sim import play
from netstack import framing, multiplex, neighbours

LAB = open_course().lab("1")
HANDOUT = (LAB.folder / "README.md").read_text(encoding="utf-8")
A, B = bytes((2, 0, 0, 0, 1, 0)), bytes((2, 0, 0, 0, 2, 0))
ETHERNET = B + A + ETHERTYPE

names = st.text(st.characters(min_codepoint=33, max_codepoint=0x9FFF), min_size=1, max_size=5)
conversations = st.tuples(st.sampled_from([3, 4]), st.integers(1, 255), st.binary(max_size=60))
frames = st.one_of(
    st.binary(max_size=80),
    st.binary(max_size=80).map(ETHERNET.__add__),
    st.tuples(st.sampled_from([1, 2]), names).map(lambda each: ETHERNET + neighbours.build(*each)),
    conversations.map(lambda each: ETHERNET + multiplex.build(*each)),
)


# The format, of which there are three declarations: netstack's, the lab's kinds, and scapy's.


@given(st.sampled_from([1, 2]), names, st.binary(max_size=30))
def test_scapy_reads_names_as_netstack_writes_them(kind: int, name: str, padding: bytes) -> None:
    frame = ETHERNET + neighbours.build(kind, name) + padding
    packet = Ether(frame)[Downstack]
    assert (packet.kind, packet.station.rstrip(b"\0").decode()) == neighbours.parse(frame[14:])
    assert classify(frame) == KINDS[kind]
    assert bytes(Ether(dst=B, src=A) / Downstack(kind=kind, station=name.encode())) == frame[:31]


@given(conversations, st.binary(max_size=30))
def test_scapy_reads_conversations_as_netstack_writes_them(said: tuple[int, int, bytes], padding: bytes) -> None:
    frame = ETHERNET + multiplex.build(*said) + padding
    packet = Ether(frame)[Downstack]
    assert (packet.kind, packet.conversation, packet.data) == multiplex.parse(frame[14:]) == said
    assert classify(frame) == KINDS[said[0]]
    kind, conversation, data = said
    crafted = Ether(dst=B, src=A) / Downstack(kind=kind, conversation=conversation, data=data)
    assert bytes(crafted) == frame[: len(frame) - len(padding)]


@given(frames)
def test_any_bytes_have_a_kind_a_line_and_fields_that_cover_them(frame: bytes) -> None:
    assert classify(frame) in {*KINDS.values(), "bare", "other"}
    assert classify_piece(frame) == "piece"
    assert describe(frame).isprintable()
    place = 0
    for name, offset, length, value in fields(frame):
        assert (offset, bool(name), length > 0, value.isprintable()) == (place, True, True, True)
        place += length
    assert place == len(frame)


def test_a_frame_in_one_line() -> None:
    ask = ETHERNET + multiplex.build(multiplex.ASK, 7, b"Herons")
    assert describe(ask.ljust(60, b"\0")) == "ask, conversation 7, 6 bytes: 'Herons'"
    assert describe(framing.encode(b"~Ada")[:8]) == "7e 7d 5e 'Ada' e0 d8"


# The handout.


def test_every_line_of_bytes_in_the_handout_is_true() -> None:
    """The examples are written `text → bytes`."""
    examples = dict(re.findall(r"^(\S.*?) +→ +((?:[0-9a-f]{2} ?)+)$", HANDOUT, re.MULTILINE))
    assert {name: line.strip() for name, line in examples.items()} == {
        "Ada": framing.encode(b"Ada").hex(" "),
        "~}": framing.encode(b"~}").hex(" "),
        "Robert": framing.encode(b"Robert").hex(" "),
        "(nothing)": framing.encode(b"").hex(" "),
        "for all": BROADCAST.hex(" "),
        "from a": A.hex(" "),
        "our type": ETHERTYPE.hex(" "),
        "Herons": b"Herons".hex(" "),
        "who has players?": neighbours.build(neighbours.WHO_HAS, "players").hex(" "),
        "I am players": neighbours.build(neighbours.I_AM, "players").hex(" "),
        "ask 1: Herons": multiplex.build(multiplex.ASK, 1, b"Herons").hex(" "),
        "answer 1: Ada": multiplex.build(multiplex.ANSWER, 1, b"Ada").hex(" "),
    }


def test_the_handout_has_a_section_for_each_step_with_its_minutes() -> None:
    for step in LAB.steps:
        assert re.search(rf"^## Step {step.id}\. .*\b{step.minutes} minutes", HANDOUT, re.MULTILINE), step.id
    assert sum(step.minutes for step in LAB.steps if not step.elective) == LAB.core_minutes


# The lab played.


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(open_course(), LAB, tmp_path_factory.mktemp("reference"))


@pytest.fixture(scope="module")
def cast(reference: Path) -> Iterator[Cast]:
    with Cast(own=reference, given=given_folder(LAB), hidden=LAB.hidden) as cast:
        yield cast


def test_the_default_scene_is_a_question_and_its_answer_byte_by_byte(cast: Cast) -> None:
    trace = play(APPLICATION, cast, seed=1).trace
    first = [(frame.direction, frame.kind, describe(frame.data)) for frame in trace.frames()][:4]
    assert first == [
        ("a-b", "who-has", "02:00:00:00:01:00 asks everybody: who has the name 'players'?"),
        ("b-a", "I-am", "02:00:00:00:02:00 tells 02:00:00:00:01:00: I am 'players'"),
        ("a-b", "ask", "ask, conversation 1, 6 bytes: 'Herons'"),
        ("b-a", "answer", "answer, conversation 1, 16 bytes: 'Ada / Edsger / Grace'"),
    ]
    assert trace.delivered("a")[0] == b"Herons: Ada, Edsger, Grace"


@pytest.mark.parametrize("name", [name for name in SCENES if "sealed" not in name and name != "sniff"])
def test_a_scene_plays_the_same_each_time(name: str, cast: Cast) -> None:
    once, again = (list(play(SCENES[name], cast, seed=5).trace.to_lines()) for _ in range(2))
    assert once == again


def steps_on_sim() -> list[str]:
    return [step.id for step in LAB.steps if step.kind == "build" and "sim" in step.testbeds and not step.elective]


def verdicts(submission: Path, wanted: list[str]) -> dict[str, Verdict]:
    with Examination(lab=LAB, submission=submission, seeds=(1,)) as examination:
        return {result.step.id: result.verdict for result in examination.steps(list(map(LAB.step, wanted)))}


def test_the_reference_passes(reference: Path) -> None:
    assert verdicts(reference, steps_on_sim()) == dict.fromkeys(steps_on_sim(), Verdict.PASS)


def test_the_starter_earns_nothing() -> None:
    wanted = steps_on_sim()
    assert verdicts(LAB.folder / "starter", wanted) == dict.fromkeys(wanted, Verdict.FAIL)


@pytest.mark.parametrize("name", ["flags_in_pairs", "any_type", "freshened_by_use", "one_side_for_all"])
def test_a_mutant_is_caught_at_its_step(name: str, tmp_path: Path) -> None:
    """Some of them, quickly; `lab prove 1` takes them all."""
    (patch,) = [patch for patch in read_patches(LAB.folder / "wrong") if patch.name == name]
    patch.apply(lay_out(open_course(), LAB, tmp_path / "mutant"))
    assert verdicts(tmp_path / "mutant", [patch.one("step")]) == {patch.one("step"): Verdict.FAIL}


def test_each_module_that_is_imported_by_name_comes_from_one_place() -> None:
    given = {path.name for path in (LAB.folder / "given").glob("*.py")}
    starter = {path.name for path in (LAB.folder / "starter").glob("*.py")}
    assert not given & starter
    assert set(LAB.reference) <= starter


@pytest.mark.parametrize("topology", ["serial", "pair", "cable"])
def test_plain_mininet_takes_the_topologies(topology: str) -> None:
    mn = Path(sys.executable).parent / "mn"
    if not mn.exists() or not shutil.which("ifconfig", path="/usr/sbin:/sbin:/usr/bin:/bin"):
        pytest.skip("Mininet's own command needs mn beside this Python, and ifconfig")
    if reason := testbeds.why_not("mininet"):
        pytest.skip(reason)

    def run() -> subprocess.CompletedProcess[str]:
        custom = ["--custom", str(LAB.folder / "topology.py"), "--topo", topology]
        command = [sys.executable, str(mn), *custom, "--switch", "lxbr", "--controller", "none"]
        return subprocess.run(
            command, input="net\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False
        )

    done = enclave.call(run)
    assert done.returncode == 0, done.stdout
    assert "a a-eth0:" in done.stdout
