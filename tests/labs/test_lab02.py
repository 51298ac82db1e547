"""Lab 2: its formats against netstack and the handout; its checks tell right answers from the starter and mutants."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.course import open_course
from labs.grading.answers import given_folder
from labs.grading.examination import Examination
from labs.grading.reference import lay_out, read_patches
from labs.lab02_route import questions
from labs.lab02_route.evidence import distance, metric, said
from labs.lab02_route.kinds import KINDS, classify, describe, fields
from labs.lab02_route.scenes import BEYOND, SCENES, TO_INFINITY, by_hand, network_of
from labs.lab02_route.topology import Mesh, topos
from labs.story.trace import Trace
from labs.testbed import enclave, testbeds
from labs.testbed.cast import Cast
from labs.testbed.judge import Verdict
from labs.testbed.scene import Plan
from labs.testbed.sim import play
from netstack.packet import BROADCAST, NOBODY, VECTOR, Entry, Packet, build_vector, from_ethernet, in_ethernet
from netstack.wire import SECOND

LAB = open_course().lab("2")
HANDOUT = (LAB.folder / "README.md").read_text(encoding="utf-8")
A, B = IPv4Address("10.1.0.1"), IPv4Address("10.2.0.1")
CARD = bytes.fromhex("020000000501")

addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
networks = st.builds(lambda a, n: IPv4Network((a, n), strict=False), addresses, st.integers(0, 32))
vectors = st.lists(st.builds(Entry, networks, st.integers(0, 255)), max_size=5).map(build_vector)
packets = st.one_of(
    st.builds(Packet, addresses, addresses, st.binary(max_size=40), st.integers(0, 255)),
    st.builds(Packet, addresses, addresses, vectors | st.binary(max_size=40), st.just(1), st.just(VECTOR)),
)
frames = st.one_of(
    st.binary(max_size=80),
    st.binary(max_size=60).map((BROADCAST + CARD + b"\x88\xb6").__add__),
    packets.map(lambda packet: in_ethernet(packet, destination=BROADCAST, source=CARD)),
)


@given(packets, st.binary(max_size=20))
def test_a_packet_is_classified_as_netstack_builds_it(packet: Packet, padding: bytes) -> None:
    frame = in_ethernet(packet, destination=BROADCAST, source=CARD) + padding
    assert classify(frame) == KINDS[packet.kind]
    found = {name: value for name, _, _, value in fields(frame)}
    assert (found["from"], found["to"]) == (str(packet.source), str(packet.destination))
    assert found["time to live"] == str(packet.ttl)


@given(frames)
def test_any_bytes_have_a_kind_a_line_and_fields_that_cover_them(frame: bytes) -> None:
    assert classify(frame) in {*KINDS.values(), "other"}
    assert describe(frame).isprintable()
    place = 0
    for name, offset, length, value in fields(frame):
        assert (offset, bool(name), length > 0, value.isprintable()) == (place, True, True, True)
        place += length
    assert place == len(frame)


VECTOR_OF_TWO = build_vector([Entry(IPv4Network("10.1.0.0/16"), 1), Entry(IPv4Network("10.2.0.0/16"), 16)])


def test_a_frame_in_one_line() -> None:
    ask = in_ethernet(Packet(B, A, b"Herons"), destination=BROADCAST, source=CARD)
    assert describe(ask.ljust(60, b"\0")) == "10.1.0.1 to 10.2.0.1, time to live 64: 'Herons'"
    told = Packet(NOBODY, NOBODY, VECTOR_OF_TWO, ttl=1, kind=VECTOR)
    frame = in_ethernet(told, destination=BROADCAST, source=CARD)
    assert describe(frame) == "reaches 10.1/16: 1, 10.2/16: 16"


def test_every_line_of_bytes_in_the_handout_is_true() -> None:
    examples = dict(re.findall(r"^(\S.*?) +→ +((?:[0-9a-f]{2} ?)+)$", HANDOUT, re.MULTILINE))
    assert {name: line.strip() for name, line in examples.items()} == {
        "10.1.0.1 asks 10.2.0.1: Herons": Packet(B, A, b"Herons").build().hex(" "),
        "10.1.0.0/16 is at 1, 10.2.0.0/16 is infinitely far": (
            Packet(NOBODY, NOBODY, VECTOR_OF_TWO, ttl=1, kind=VECTOR).build().hex(" ")
        ),
    }


def test_the_handout_has_a_section_for_each_step_with_its_minutes() -> None:
    for step in LAB.steps:
        assert re.search(rf"^## Step {step.id}\. .*\b{step.minutes} minutes", HANDOUT, re.MULTILINE), step.id
    assert sum(step.minutes for step in LAB.steps) == LAB.core_minutes


def test_every_scene_that_the_handout_names_can_be_played() -> None:
    assert set(re.findall(r"--scene\s+([\w-]+)", HANDOUT)) <= set(SCENES)


def test_tables_by_hand_take_as_many_links_as_the_breadth_first_search_says() -> None:
    plan = Plan.of(Mesh())
    target = network_of(next(link for link in plan.links if link.name == "b-r5"))
    hops = {}
    for router in ("r1", "r2", "r3", "r4", "r6"):
        (number,) = [way for network, way in by_hand(plan, router).arguments["routes"] if network == str(target)]
        end = next(end for end in plan.interfaces(router) if end.number == number)
        link = next(link for link in plan.links if end in link.ends)
        beyond = next(other.host for other in link.ends if other.host != router)
        hops[router] = distance(plan, router, target) - distance(plan, beyond, target)
    assert hops == dict.fromkeys(hops, 1), "each table sends a packet to a router that is one nearer"


# The lab played.


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(open_course(), LAB, tmp_path_factory.mktemp("reference"))


@pytest.fixture(scope="module")
def cast(reference: Path) -> Iterator[Cast]:
    with Cast(own=reference, given=given_folder(LAB), hidden=LAB.hidden) as cast:
        yield cast


@pytest.mark.parametrize("name", ["application", "by-hand", "flapping", "infinity"])
def test_a_scene_plays_the_same_each_time(name: str, cast: Cast) -> None:
    once, again = (list(play(SCENES[name], cast, seed=5).trace.to_lines()) for _ in range(2))
    assert once == again


def test_three_routers_count_to_infinity_one_by_one(cast: Cast) -> None:
    trace = play(TO_INFINITY, cast, seed=1).trace
    told = [
        (frame.at, metric(vector, BEYOND))
        for direction in ("r1-a", "r2-b", "r3-c")
        for frame, vector in said(trace, direction)
        if frame.at > 6_600_000_000 and metric(vector, BEYOND) < 16
    ]
    assert list(dict.fromkeys(far for _, far in sorted(told))) == list(range(4, 16))


def bounces(trace: Trace) -> list[int]:
    """The times to live of the packets between r2 and r3 after 7.3 s, by when every right router has heard."""
    frames = (frame for frame in trace.frames() if frame.at > 7.3 * SECOND and frame.kind == "data")
    packets = (from_ethernet(frame.data) for frame in frames if frame.direction in ("r2-r3", "r3-r2"))
    return sorted((packet.ttl for packet in packets), reverse=True)


def test_in_a_row_packets_go_to_and_fro_without_rule_10(cast: Cast, tmp_path: Path) -> None:
    """With it none does; without, the first crosses one link nine times, as the handout says."""
    assert bounces(play(SCENES["row"], cast, seed=1).trace) == []
    (echo,) = [patch for patch in read_patches(LAB.folder / "wrong") if patch.name == "echo"]
    echo.apply(lay_out(open_course(), LAB, tmp_path))
    with Cast(own=tmp_path, given=given_folder(LAB), hidden=LAB.hidden) as without_rule_10:
        lives = bounces(play(SCENES["row"], without_rule_10, seed=1).trace)
    assert (lives[0], lives[-1]) == (38, 30)
    assert lives[0] - lives[-1] + 1 == 9
    assert "crosses that one link nine times" in HANDOUT


@pytest.mark.parametrize("key", ["anna", "berta", "carla"])
def test_what_students_are_asked_has_answers(key: str, cast: Cast) -> None:
    frames = questions.predict_1(key, lambda scene: play(scene, cast, seed=1).trace)
    answers = [question.truth() for question in frames]
    assert len(answers[0]) == 3, "nobody knows the first destination"
    assert answers[3] == "none", "a frame never goes back"
    assert len(answers[2]) == 3, "the third is for everybody"
    count = questions.predict_5(key, lambda scene: play(scene, cast, seed=1).trace)
    first, other, third, how_many, last = (question.truth() for question in count)
    assert (other, third) == (first + 1, first + 2)
    assert how_many == len(range(first, 16, 3))
    assert last in ("r1", "r2", "r3")


def steps_on_sim() -> list[str]:
    return [step.id for step in LAB.steps if step.kind == "build" and "sim" in step.testbeds]


def verdicts(submission: Path, wanted: list[str]) -> dict[str, Verdict]:
    with Examination(lab=LAB, submission=submission, seeds=(1,)) as examination:
        return {result.step.id: result.verdict for result in examination.steps(list(map(LAB.step, wanted)))}


def test_the_reference_passes(reference: Path) -> None:
    assert verdicts(reference, steps_on_sim()) == dict.fromkeys(steps_on_sim(), Verdict.PASS)


def test_the_starter_earns_nothing() -> None:
    wanted = steps_on_sim()
    assert verdicts(LAB.folder / "starter", wanted) == dict.fromkeys(wanted, Verdict.FAIL)


@pytest.mark.parametrize("name", ["one_router_more", "last_word", "echo", "unbounded"])
def test_a_mutant_is_caught_at_its_step(name: str, tmp_path: Path) -> None:
    """Some of them, quickly; `lab prove 2` takes them all."""
    (patch,) = [patch for patch in read_patches(LAB.folder / "wrong") if patch.name == name]
    patch.apply(lay_out(open_course(), LAB, tmp_path / "mutant"))
    assert verdicts(tmp_path / "mutant", [patch.one("step")]) == {patch.one("step"): Verdict.FAIL}


def test_each_module_that_is_imported_by_name_comes_from_one_place() -> None:
    given = {path.name for path in (LAB.folder / "given").glob("*.py")}
    starter = {path.name for path in (LAB.folder / "starter").glob("*.py")}
    assert not given & starter
    assert set(LAB.reference) <= starter


@pytest.mark.parametrize("topology", topos)
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
