"""Lab 4: its handout against its code; its dialects and its forger by themselves; right and wrong told apart."""

import hashlib
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.course import CHECKOUT, open_course
from labs.grading.answers import given_folder
from labs.grading.reference import BROUGHT, lay_out
from labs.lab03_flow.peers import A, B
from labs.lab04_stack import lecture, questions
from labs.lab04_stack.evidence import segment_in, segments, spoken
from labs.lab04_stack.given.dialect import CARD, Dialect
from labs.lab04_stack.kinds import classify, describe, fields
from labs.lab04_stack.peers import Forger, encoded, reset, window_update
from labs.lab04_stack.scenes import DIALECT, MSS, SCENES, WORDS, mail
from labs.story.notebook import Lecture
from labs.story.trace import Trace
from labs.testbed import sim
from labs.testbed.cast import Cast
from labs.testbed.scene import Scene
from netstack.flow.messages import Ack, Addressed, Data, Message, MessageError, Probe
from netstack.flow.sequence import MODULUS, add
from netstack.packets import ACK, FIN, PSH, RST, SYN, Ethernet, IPv4, Options, Tcp, number
from netstack.packets.ethernet import IPV4
from netstack.packets.tcp import PROTOCOL

LAB = open_course().lab("4")
HANDOUT = (LAB.folder / "README.md").read_text(encoding="utf-8")

numbers = st.integers(0, MODULUS - 1)
dialects = st.builds(
    Dialect,
    order=st.sampled_from(["big", "little"]),
    names=st.sampled_from(["next", "last"]),
    credit=st.sampled_from(["messages", "bytes", "limit"]),
)
messages = st.one_of(
    st.builds(Data, numbers, st.binary(max_size=60)),
    st.builds(Ack, numbers, st.integers(0, 600)),
    st.builds(Probe, numbers),
)


# Dialects.


@given(dialects, messages, st.integers(0, 255))
def test_who_speaks_a_dialect_understands_it(dialect: Dialect, message: Message, flow: int) -> None:
    said = Addressed(A, B, message, flow)
    assert dialect.parse(dialect.build(said)) == said


@given(messages)
def test_the_dialect_without_differences_is_the_handouts(message: Message) -> None:
    assert Dialect().build(Addressed(A, B, message)) == Addressed(A, B, message).build()


def test_a_dialect_is_misread_and_not_only_refused() -> None:
    theirs = Dialect(names="last", credit="bytes")
    heard = Addressed.parse(theirs.build(Addressed(A, B, Ack(308, 5))))
    assert heard.message == Ack(307, 5 * CARD)
    with pytest.raises(MessageError):
        Addressed.parse(Dialect(order="little").build(Addressed(A, B, Data(1, b"Ada"))))


# Forging.


def frame(segment: Tcp, padding: bytes = b"") -> bytes:
    packet = IPv4(number("10.0.0.2"), number("10.0.0.1"), PROTOCOL, b"")
    payload = segment.build(packet.source, packet.destination)
    packet = IPv4(packet.source, packet.destination, PROTOCOL, payload)
    return Ethernet(bytes(6), bytes([2] * 6), IPV4, packet.build() + padding).build()


@pytest.mark.parametrize(
    ("flags", "payload", "taken"),
    [(ACK, b"", 0), (ACK | PSH, b"words", 5), (SYN | ACK, b"", 1), (FIN | ACK, b"words", 6)],
)
def test_what_is_forged_follows_what_was_heard(flags: int, payload: bytes, taken: int) -> None:
    stamps = Options(timestamps=(7, 9))
    heard = Tcp(8080, 5000, MODULUS - 2, 77, flags, 3, payload, stamps)
    update, end = (segment_in(each) for each in (window_update(frame(heard), 1234), reset(frame(heard), -1)))
    assert update == Tcp(8080, 5000, add(MODULUS - 2, taken), 77, ACK, 1234, b"", stamps)
    assert end is not None
    assert (end.sequence, end.flags, end.payload) == (add(MODULUS - 3, taken), RST, b"")


def test_the_judges_forger_speaks_when_it_is_due_and_only_about_what_it_heard() -> None:
    forger = Forger(number("10.0.0.2"), [(5, "reset", []), (9, "reset", [])])
    assert (forger.next_timer(), list(forger.handle_timer(now=5))) == (5, [])
    heard = frame(Tcp(8080, 5000, 1, 2, ACK, 3))
    assert list(forger.receive(0, heard, now=6)) == []
    assert [each.frame for each in forger.handle_timer(now=9)] == [reset(heard)]
    assert forger.next_timer() is None


# Reading frames.


@given(st.binary(max_size=90))
def test_any_bytes_have_a_kind_a_line_and_fields(data: bytes) -> None:
    assert classify(data)
    assert describe(data).isprintable()
    assert sum(length for _, _, length, _ in fields(data)) == len(data)


def test_a_frame_of_lab_3_is_told_as_there() -> None:
    data = Addressed(A, B, Probe(5)).build()
    assert (classify(data), describe(data)) == ("probe", "is there room for number 5?")


# The handout.


def test_the_handout_has_each_step_with_its_minutes_points_and_lines() -> None:
    for step in LAB.steps:
        assert re.search(rf"^## Step {step.id}\. .*\b{step.minutes} minutes", HANDOUT, re.MULTILINE), step.id
        row = rf"^\| {step.id} \| {re.escape(step.title)} \| .* \| {step.minutes} \| {step.points} \|"
        assert re.search(row, HANDOUT, re.MULTILINE), step.id
        assert step.lines in HANDOUT
    assert sum(step.minutes for step in LAB.steps) == LAB.core_minutes


def test_the_handouts_stream_of_three_messages_is_true() -> None:
    (line,) = re.findall(r"^ +\"Ada\" and \"\" and \"Grace\": +([0-9a-f ]+)$", HANDOUT, re.MULTILINE)
    assert bytes.fromhex(line) == b"".join(map(encoded, (b"Ada", b"", b"Grace")))


def test_every_scene_that_the_handout_names_is_there() -> None:
    named = set(re.findall(r"--scene\s+([a-z-]+)", HANDOUT))
    assert named <= set(SCENES)
    assert len(named) >= 7


@pytest.mark.parametrize("name", ["conversation.py", "by_credit.py"])
def test_what_is_carried_below_is_driven_as_in_lab_3(name: str) -> None:
    earlier = open_course().lab("3")
    assert (LAB.folder / "given" / name).read_bytes() == (earlier.folder / "given" / name).read_bytes()


def test_each_module_that_is_imported_by_name_comes_from_one_place() -> None:
    given_files = {path.name for path in (LAB.folder / "given").glob("*.py")}
    starter = {path.name for path in (LAB.folder / "starter").glob("*.py")}
    assert not given_files & (starter | set(LAB.takes))
    assert set(LAB.reference) <= starter


# The lab played.


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(open_course(), LAB, tmp_path_factory.mktemp("reference"))


@pytest.fixture(scope="module")
def cast(reference: Path) -> Iterator[Cast]:
    with Cast(own=reference, given=given_folder(LAB), hidden=LAB.hidden) as cast:
        yield cast


def test_a_submission_has_the_files_of_lab_3_and_their_hashes(reference: Path) -> None:
    told = dict(reversed(line.split("  ")) for line in (reference / BROUGHT).read_text().splitlines())
    ours = {name: (CHECKOUT / "netstack/flow" / name).read_bytes() for name in LAB.takes}
    assert told == {name: hashlib.sha256(content).hexdigest() for name, content in ours.items()}


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_plays_the_same_each_time(name: str, cast: Cast) -> None:
    once, again = (list(sim.play(SCENES[name], cast, seed=5).trace.to_lines()) for _ in range(2))
    assert once == again


def test_strangers_hear_nothing_and_the_almost_agreed_repeat_the_last_card_for_ever(cast: Cast) -> None:
    strangers, at_home, almost = (
        sim.play(SCENES[name], cast, seed=1).trace for name in ("strangers", "at-home", "almost")
    )
    assert [len(trace.delivered("b")) for trace in (strangers, at_home, almost)] == [0, 3, 20]
    assert not list(strangers.frames("b-a"))
    last = [each.data[16:20] for each in almost.frames("a-b", "data")][-5:]
    assert len(set(last)) == 1
    assert DIALECT["names"] == "last"


def test_a_stream_is_put_together_from_a_line_that_loses(cast: Cast) -> None:
    sent = [random.Random(n).randbytes(300 * n) for n in range(6)]
    trace = sim.play(mail(sent, loss=5, mtu=500), cast, seed=3).trace
    assert spoken(trace, "a-b") == b"".join(map(encoded, sent))
    assert max(len(one.tcp.payload) for one in segments(trace, "a-b")) == 448  # 500 less headers


def test_the_same_programs_close_the_window_of_tcp_and_of_ours(cast: Cast) -> None:
    for name in ("pour", "pour-below"):
        trace = sim.play(SCENES[name], cast, seed=1).trace
        assert "zero" in [each.kind for each in trace.frames("b-a")]
        assert b"".join(trace.delivered("b")) == WORDS


def test_the_charts_of_the_lecture_show_a_limit_that_nobody_passes() -> None:
    desk = Lecture("4")
    for chart in (
        lecture.window_chart(desk.play("pour")),
        lecture.credit_chart(desk.play("pour-below"), capacity=6),
    ):
        may, has, read = ([value for _, value in series.points] for series in chart.series)
        assert (may[-1] >= has[-1], has[-1] >= read[-1], read[-1] > 0) == (True, True, True)
        at_lunch = [max(value for at, value in series.points if at < 2.9) for series in chart.series]
        assert at_lunch[0] == at_lunch[1] == min(may[-1], at_lunch[0])
        assert at_lunch[2] == 0
    desk.close()


# Questions.


def at_hand(key: str) -> list[float]:
    """Step 4 worked out with a pencil, as the handout says. Milliseconds."""
    first, second = questions.windows(key)
    segment, bare, way, opened = 0.8, 0.0432, 20.0, 80.16
    closed = opened + bare + first.room * segment + way
    pause, at, probes = 260.0, closed + way, 0
    while (at := at + pause) < first.back * 1000:
        probes, pause = probes + 1, 2 * pause
    beyond = first.count - first.unsent - first.room
    returned = first.back * 1000 + bare + way + beyond * segment + way + bare + way
    fits = opened + bare + second.room * segment + way + bare + way
    return [closed, first.room * MSS, probes, returned, fits, 0]


def seconds_to_more(forged: questions.Forgery) -> float:
    """Step 7's third question with a pencil."""
    at, pause = forged.at + 0.02, 0.2605
    while at + 0.02 < forged.back:
        at, pause = at + pause, 2 * pause
    return at + 0.02 - forged.back


def test_each_student_has_answers_of_their_own_that_a_pencil_finds(cast: Cast) -> None:
    def play(scene: Scene) -> Trace:
        return sim.play(scene, cast, seed=1).trace

    truths: dict[int, set[tuple[object, ...]]] = {1: set(), 4: set(), 7: set()}
    for key in (f"student {count}" for count in range(20)):
        met, forged = questions.meeting(key), questions.forgery(key)
        one = [each.truth() for each in questions.predict_1(key, play)]
        repeats = 1 + int((met.seconds - (41.2 + met.count) / 1000) / met.timeout) if met.names == "last" else 1
        assert one[2] == 3 + int(met.seconds / met.timeout)
        assert one[4:] == [met.count - met.capacity, pytest.approx(repeats, abs=1 if met.names == "last" else 0)]
        four = [each.truth() for each in questions.predict_4(key, play)]
        assert four == pytest.approx(at_hand(key), abs=0.1)
        seven = [each.truth() for each in questions.predict_7(key, play)]
        assert seven[:3] == [forged.offered * MSS, 0, pytest.approx(1000 * seconds_to_more(forged), abs=20)]
        assert seven[3:] == [
            "challenge" if 0 < ahead < 65536 else "dies" if not ahead else "nothing" for ahead in forged.resets
        ]
        for step, answers in zip((1, 4, 7), (one, four, seven), strict=True):
            truths[step].add(tuple(answers))
    assert all(len(each) >= 4 for each in truths.values())
