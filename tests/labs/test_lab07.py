"""Lab 7: its handout against its code; its storms and falls by their numbers; right and wrong told apart."""

import math
import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.course import open_course
from labs.grading.answers import given_folder
from labs.grading.reference import lay_out
from labs.lab07_breaker import lecture, questions, rows
from labs.lab07_breaker.evidence import Page, calls, crowd_calls, pages, peak, reports
from labs.lab07_breaker.kinds import classify, describe, fields, spoken
from labs.lab07_breaker.scenes import DOWN, SCENES, TIERS, at, crowd, row
from labs.lab07_breaker.topology import Crowd, Pair, Tiers
from labs.story.notebook import Lecture
from labs.story.trace import PortEvent, Trace
from labs.testbed import sim
from labs.testbed.cast import Cast
from labs.testbed.scene import Plan, Scene
from netstack.packets import ACK, Ethernet, IPv4, Tcp, number
from netstack.packets.ethernet import IPV4
from netstack.packets.tcp import PROTOCOL

LAB = open_course().lab("7")
HANDOUT = (LAB.folder / "README.md").read_text(encoding="utf-8")


# Topologies and frames.


def test_each_line_of_a_row_is_a_network_of_its_own() -> None:
    ends = [(one.ip, other.ip) for one, other in (link.ends for link in Plan.of(Tiers()).links)]
    assert ends == [(f"10.0.{n}.1/24", f"10.0.{n}.2/24") for n in (1, 2, 3)]
    assert [link.name for link in Plan.of(Pair()).links] == ["teams-players"]
    assert [link.name for link in Plan.of(Crowd()).links] == ["web-players", "web-pager"]


def frame(payload: bytes) -> bytes:
    packet = IPv4(number("10.0.1.1"), number("10.0.1.2"), PROTOCOL, b"")
    segment = Tcp(5000, 8080, 1, 2, ACK, 9000, payload).build(packet.source, packet.destination)
    return Ethernet(
        bytes(6), bytes([2] * 6), IPV4, IPv4(packet.source, packet.destination, PROTOCOL, segment).build()
    ).build()


def test_a_call_is_told_by_what_is_asked_and_how_much_time_is_left() -> None:
    call = frame(b'POST /cards.Cards/of HTTP/1.1\r\nhost: cards\r\ngrpc-timeout: 700000u\r\n\r\n{"team": "Herons"}')
    assert classify(call) == "call"
    assert describe(call) == 'POST /cards.Cards/of, grpc-timeout: 700000u, {"team": "Herons"}'
    assert classify(frame(b"HTTP/1.1 200 OK\r\n\r\n[]")) == "answer"
    assert (classify(frame(b"17\n")), spoken(frame(b"17\n"))) == ("data", b"17\n")


@given(st.binary(max_size=120))
def test_any_bytes_have_a_kind_a_line_and_fields(data: bytes) -> None:
    assert classify(data)
    assert isinstance(describe(data), str)
    assert sum(length for _, _, length, _ in fields(data)) == len(data)


def test_a_peak_is_the_most_in_one_interval() -> None:
    times = [(0.9, 100), (1.0, 3), (1.24, 4), (1.25, 5), (9.0, 100)]
    assert peak(iter(times), begin=1.0, end=9.0) == 7
    assert peak(iter([]), begin=0, end=1) == 0


# The handout.


def test_the_handout_has_each_step_with_its_minutes_points_and_lines() -> None:
    for step in LAB.steps:
        assert re.search(rf"^## Step {step.id}\. .*\b{step.minutes} minutes", HANDOUT, re.MULTILINE), step.id
        row_of_it = rf"^\| {step.id} \| {re.escape(step.title)} \| .* \| {step.minutes} \| {step.points} \|"
        assert re.search(row_of_it, HANDOUT, re.MULTILINE), step.id
        assert step.lines in HANDOUT
    assert sum(step.minutes for step in LAB.steps if not step.elective) == LAB.core_minutes


def test_every_scene_that_the_handout_names_is_there() -> None:
    named = set(re.findall(r"--scene\s+([a-z-]+)", HANDOUT))
    assert named <= set(SCENES)
    assert len(named) >= 8


def test_each_module_that_is_imported_by_name_comes_from_one_place() -> None:
    given_files = {path.name for path in (LAB.folder / "given").glob("*.py")}
    starter = {path.name for path in (LAB.folder / "starter").glob("*.py")}
    assert not given_files & starter
    assert set(LAB.reference) <= starter


# The lab played.


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    own = lay_out(open_course(), LAB, tmp_path_factory.mktemp("reference"))
    with Cast(own=own, given=given_folder(LAB), hidden=LAB.hidden) as cast:
        yield cast


def on_each_wire(trace: Trace) -> list[int]:
    return [len(calls(trace, f"{one}-{other}")) for one, other in pairwise(TIERS)]


@pytest.mark.parametrize("name", [name for name in SCENES if "fall" not in name])
def test_a_scene_plays_the_same_each_time(name: str, cast: Cast) -> None:
    once, again = (list(sim.play(SCENES[name], cast, seed=5).trace.to_lines()) for _ in range(2))
    assert once == again


def test_three_tiers_of_three_tries_make_27_calls_of_one(cast: Cast) -> None:
    assert on_each_wire(sim.play(SCENES["storm"], cast, seed=1).trace) == [3, 9, 27]


def test_with_a_budget_each_tier_adds_a_fifth_and_its_reserve(cast: Cast) -> None:
    assert on_each_wire(sim.play(SCENES["budgeted"], cast, seed=1).trace) == [58, 79, 104]
    dry = row(
        at(*(1 + n / 20 for n in range(100))), name="dry", each={"tries": 3, "budget": {"reserve": 0}}, cards=DOWN
    )
    assert on_each_wire(sim.play(dry, cast, seed=1).trace) == [120, 144, 172]  # 1.2 at each tier, not 3


def test_without_a_deadline_on_the_wire_all_go_on_for_nobody(cast: Cast) -> None:
    ends = {}
    for name in ("deadline", "no-deadline"):
        trace = sim.play(SCENES[name], cast, seed=1).trace
        ends[name] = [trace.delivered(host, "work") for host in TIERS[1:]]
    assert ends == {"deadline": [[b"stopped"]] * 3, "no-deadline": [[b"done"]] * 3}


def test_a_thousand_breakers_fall_together_and_jitter_spares_only_their_recovery(cast: Cast) -> None:
    worst = {}
    for name in ("fall", "fall-with-jitter"):
        trace = sim.play(SCENES[name], cast, seed=1).trace
        opened = [when for when, state in reports(trace) if state == "open"]
        assert sum(when < opened[0] + 1 for when in opened) == 1000
        assert [(each.target, each.sources, each.over) for each in pages(trace)] == [
            ("players", 1000, False),
            ("players", 1000, True),
        ]
        worst[name] = peak(crowd_calls(trace), begin=opened[0] + 1, end=60)
    assert worst["fall"] == 250
    assert worst["fall-with-jitter"] <= 80


def test_what_is_no_page_is_read_all_the_same() -> None:
    trace = Trace(scene="", seed=0, testbed="sim")
    for payload in (b"{}", b"[]", b"\xff", b'{"target": 1, "since": "x"}'):
        trace.events.append(PortEvent(0, "pager", "app", "delivered", 1, payload))
    assert pages(trace) == [Page()] * 4


def test_a_small_crowd_is_like_a_large_one(cast: Cast) -> None:
    trace = sim.play(crowd(name="small", programs=2, clients=4), cast, seed=1).trace
    assert [each.sources for each in pages(trace)] == [8, 8]


def test_the_charts_of_the_lecture_show_what_the_wires_carried() -> None:
    desk = Lecture("7")
    storm = lecture.tiers(desk.play("storm"))
    assert [list(map(str, each)) for each in storm.rows] == [["site", "3"], ["teams", "9"], ["players", "27"]]
    chart = lecture.probes_chart({name: desk.play(name) for name in ("fall", "fall-with-jitter")})
    for begin, worst in ((0, [250, 250]), (6, [250, pytest.approx(55, abs=25)])):  # the fall, and after it
        assert [max(value for at, value in each.points if at > begin) for each in chart.series] == worst
    waits = lecture.people_chart(desk.play("tripped")).series[0].points
    assert min(wait for at, wait in waits if 5 < at < 6.5) == 0  # the circuit is open
    desk.close()


# Questions.


def test_each_student_has_answers_of_their_own_that_a_pencil_finds(cast: Cast) -> None:
    def play(scene: Scene) -> Trace:
        return sim.play(scene, cast, seed=1).trace

    seen: dict[int, set[tuple[object, ...]]] = {1: set(), 2: set(), 7: set(), 10: set()}
    for key in (f"student {count}" for count in range(3)):
        for step, asked, pencil in (
            (1, questions.predict_1(key, play), deadlines_at_hand(rows.work(key))),
            (2, questions.predict_2(key, play), storm_at_hand(rows.storm(key))),
            (7, questions.predict_7(key, play), fall_at_hand(questions.fall(key))),
            (10, questions.predict_10(key, play), hold_at_hand(questions.hold(key))),
        ):
            assert [each.id for each in asked if not each.accepts(pencil[each.id])] == [], (key, step)
            seen[step].add(tuple(pencil.values()))
    assert all(len(each) >= 2 for each in seen.values())


def deadlines_at_hand(own: rows.Work) -> dict[str, float]:
    done = own.teams + own.players + own.cards
    return {
        "q1": own.patience - own.teams - own.players,
        "q2": own.patience,
        "q3": done,
        "q4": 3 * (done - own.patience),
        "q5": own.timeout - own.players,
        "q6": own.teams + own.timeout,
        "q7": min(own.patience, own.teams + 2 * own.timeout),
    }


def storm_at_hand(own: rows.Storm) -> dict[str, float]:
    first, second, third = own.tries
    return {
        "q1": first * second * third,
        "q2": own.people * (first + first * second + first * second * third),
        "q3": first,
        "q4": 1,
        "q5": own.fails + 1,
        "q6": own.fails // (second * third) + 1,
    }


def fall_at_hand(own: questions.Fall) -> dict[str, float]:
    mean = own.many / own.jitter / 4
    return {
        "q1": own.many,
        "q2": own.requests - 0.5 + math.ceil(own.sleep),
        "q3": own.many / 4,
        "q4": mean + 2 * mean**0.5,
        "q5": own.many,
        "q6": 2,
    }


def hold_at_hand(own: questions.Hold) -> dict[str, float]:
    come = own.timeout / own.every
    return {"q1": come, "q2": own.most, "q3": come - own.most, "q4": 2 * own.timeout - own.most * own.every}
