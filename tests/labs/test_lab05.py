"""Lab 5: its handout against its code; the house calm and not; every number found again by hand; right and wrong."""

import random
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.cli.exit import Refusal
from labs.cli.run import chosen_scene
from labs.course import open_course
from labs.grading.answers import given_folder, own_scenes
from labs.grading.reference import lay_out
from labs.lab04_stack.evidence import RST, segments
from labs.lab05_fallacies import fallacies, questions
from labs.lab05_fallacies.fallacies import FALLACIES
from labs.lab05_fallacies.house import PORT, log
from labs.lab05_fallacies.kinds import describe
from labs.lab05_fallacies.peers import answers, encoded, members_of, messages_in, offering, requesting, typing
from labs.lab05_fallacies.scenes import PRACTICE, SCENES, program, signing
from labs.story.ledger import open_ledger
from labs.story.telling import Teller
from labs.story.trace import PortEvent, Trace
from labs.testbed import sim
from labs.testbed.cast import Cast
from labs.testbed.judge import Broken
from labs.testbed.scene import Port, Scene
from netstack.wire import MILLISECOND, SECOND

LAB = open_course().lab("5")
HANDOUT = (LAB.folder / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(open_course(), LAB, tmp_path_factory.mktemp("reference"))


@pytest.fixture(scope="module")
def cast(reference: Path) -> Iterator[Cast]:
    with Cast(own=reference, given=given_folder(LAB), hidden=LAB.hidden) as cast:
        yield cast


# Reading bytes that a student sends.


@given(st.binary(max_size=80))
def test_any_bytes_are_told_and_hold_some_messages(data: bytes) -> None:
    assert describe(data).isprintable()
    assert sum(4 + len(message) for message in messages_in(data)) <= len(data)
    members_of([data])


def test_what_is_typed_is_what_is_read_back() -> None:
    stream = requesting(7, "of", {"team": "雪豹"}) + requesting(8, "of", {})
    assert [each["id"] for each in members_of(messages_in(stream + b"\0"))] == [7, 8]


# The handout.


def test_the_handout_has_each_step_with_its_minutes_points_and_lines() -> None:
    for step in LAB.steps:
        row = rf"^\| {step.id} \| {re.escape(step.title)} \| .* \| {step.minutes} \| {step.points} \|"
        assert re.search(row, HANDOUT, re.MULTILINE), step.id
        assert step.lines in HANDOUT
    assert sum(step.minutes for step in LAB.steps) == LAB.core_minutes


def test_every_scene_that_the_handout_names_is_there() -> None:
    own = own_scenes(LAB, "student")
    named = set(re.findall(r"--scene\s+([a-z0-9-]+)", HANDOUT))
    assert named <= SCENES.keys() | own.keys()
    assert all(f"`{name}`" in HANDOUT for name in PRACTICE)


def test_the_handout_tells_the_numbers_of_the_practice_scenes(cast: Cast) -> None:
    rows = re.findall(r"^\| ?(?:`[a-z]+` )?\| .* \| .* \| ([0-9.]+) \|$", HANDOUT, re.MULTILINE)
    found = [incident.number(played(incident, cast)) for incident in PRACTICE.values()]
    assert [float(row) for row in rows] == [round(number, 1) for number in found]


def test_the_calls_in_the_handout_are_written_as_it_says() -> None:
    shown = re.findall(r'^ +(\{"id".*\})(?: {2,}|$)', HANDOUT, re.MULTILINE)
    assert len(shown) == 4
    for text in shown:
        assert members_of([text.encode()])


# The house.


def test_on_a_calm_day_every_call_is_answered(cast: Cast) -> None:
    trace = sim.play(SCENES["calm"], cast, seed=1).trace
    told = [line for host, name in (("a", "teams"), ("c", "scores")) for _, line in log(trace, host, name)]
    assert sum("; " in line and line.startswith("lineup") for line in told) == 36
    assert not any("no answer" in line or "refused" in line or "gone" in line for line in told)
    assert sum(bool(frame.lost) for frame in trace.frames()) == 1
    refused = [line for _, line in log(trace, "m", "policy") if "refuses" in line]
    assert refused  # and it does no harm
    assert not any("10.0.0.1:" in line for line in refused)


def test_the_bill_says_what_the_line_carried(cast: Cast) -> None:
    trace = sim.play(SCENES["calm"], cast, seed=1).trace
    carried = [frame for direction in ("a-m", "m-a") for frame in trace.frames(direction) if frame.at < 8 * SECOND]
    (total,) = [line for _, line in log(trace, "m", "bill") if line.startswith("line a, in all")]
    kept = [frame for frame in carried if not (frame.direction == "a-m" and frame.lost)]
    assert total.startswith(f"line a, in all: {len(kept)} frames, {sum(len(frame.data) for frame in kept)} bytes")


TRACES: dict[int, tuple[fallacies.Incident, Trace]] = {}


def played(incident: fallacies.Incident, cast: Cast) -> Trace:
    """Its trace; each is played once."""
    if id(incident) not in TRACES:
        play = sim.play(incident.scene, cast, seed=1)
        assert not [each for each in play.trace.exits() if each.how not in ("cancelled", "returned")]
        assert not play.overrun
        TRACES[id(incident)] = incident, play.trace
    return TRACES[id(incident)][1]


@cache
def drawn(make: fallacies.Make, key: int) -> fallacies.Incident:
    return make(random.Random(f"{make.__name__} {key}"))


MAKES = [each.make for name, each in FALLACIES.items() if name != "homogeneous"]
MAKES += [fallacies.two_orders, fallacies.two_lengths]


def plays(make: fallacies.Make, cast: Cast) -> Iterator[tuple[fallacies.Incident, Trace]]:
    """The practice scene, and another one."""
    (practice,) = [incident for each, incident in zip(MAKES, PRACTICE.values(), strict=True) if each is make]
    for incident in (practice, drawn(make, 1)):
        yield incident, played(incident, cast)


def lines(trace: Trace, host: str, name: str) -> list[str]:
    return [line for _, line in log(trace, host, name)]


def lost_for_good(trace: Trace) -> int:
    return sum(bool(frame.lost) for frame in trace.frames())


def test_reliable_some_calls_were_carried_out_and_some_were_not(cast: Cast) -> None:
    for incident, trace in plays(fallacies.reliable, cast):
        unanswered = [line for line in lines(trace, "a", "teams") if "no answer" in line]
        assert 2 <= incident.number(trace) < len(unanswered)
        assert lost_for_good(trace) > 20


def test_latency_the_longest_question_is_its_calls_times_the_round_trip(cast: Cast) -> None:
    for incident, trace in plays(fallacies.latency, cast):
        took = [float(found[1]) for line in lines(trace, "a", "teams") if (found := re.search(r"; ([\d.]+) ms$", line))]
        trip = min(took)
        assert max(took) == pytest.approx(incident.number(trace) * trip, rel=0.05)
        assert all(frame.arrivals[0] - frame.at < 120 * MILLISECOND for frame in trace.frames() if frame.arrivals)


def test_bandwidth_the_queue_is_what_others_put_before_it(cast: Cast) -> None:
    for incident, trace in plays(fallacies.bandwidth, cast):
        under_way = [frame.arrivals[0] - frame.at for frame in trace.frames("b-m") if frame.arrivals]
        assert incident.number(trace) > 100
        assert max(under_way) > 5 * min(under_way)


def test_secure_the_lie_is_told_by_c_and_known_to_nobody(cast: Cast) -> None:
    for incident, trace in plays(fallacies.secure, cast):
        day = int(incident.number(trace))
        forged = [one for one in segments(trace, "c-m") if one.tcp.source_port == PORT]
        assert len(forged) == 1
        (said,) = [line for line in lines(trace, "b", "players") if re.match(rf"served lineup \w+ {day}:", line)]
        (heard,) = [line for line in lines(trace, "a", "teams") if re.match(rf"lineup \w+ {day}:", line)]
        assert said.partition(": ")[2] != heard.partition(": ")[2].partition(";")[0]
        assert all("; " in line for line in lines(trace, "a", "teams") if line.startswith("lineup"))


def test_topology_refused_at_once_and_no_frame_lost(cast: Cast) -> None:
    for incident, trace in plays(fallacies.topology, cast):
        resets = [one for one in segments(trace, "b-m") if one.has(RST)]
        assert incident.number(trace) == len(resets) >= 4
        assert lost_for_good(trace) == 1
        assert any(line.startswith("players is here") for line in lines(trace, "c", "spare"))


def test_administrator_what_a_rule_refuses_never_comes_through(cast: Cast) -> None:
    for incident, trace in plays(fallacies.administrator, cast):
        number = int(incident.number(trace))
        assert any(f"rule {number}," in line and "refuses" in line for line in lines(trace, "m", "policy"))
        assert any("no answer" in line for line in lines(trace, "a", "teams"))
        assert lost_for_good(trace) == 1


def test_cost_nothing_is_wrong_but_the_bill(cast: Cast) -> None:
    calm = SCENES["calm"]
    usual = FALLACIES["cost"].make(random.Random(1)).number(sim.play(calm, cast, seed=1).trace)
    for incident, trace in plays(fallacies.cost, cast):
        assert incident.number(trace) > 4 * usual
        assert not any("no answer" in line for line in lines(trace, "a", "teams"))


def test_two_orders_the_length_that_was_meant(cast: Cast) -> None:
    for incident, trace in plays(fallacies.two_orders, cast):
        announced = int.from_bytes(int(incident.number(trace)).to_bytes(4, "little"), "big")
        assert any(f"a message of {announced} bytes" in line for line in lines(trace, "b", "players"))


def test_two_lengths_the_longest_that_fits(cast: Cast) -> None:
    for incident, trace in plays(fallacies.two_lengths, cast):
        found = [re.match(r"line [ab]: a frame of (\d+) bytes", line) for line in lines(trace, "m", "lines")]
        thrown_away = [int(each[1]) for each in found if each]
        assert min(thrown_away) > incident.number(trace)
        assert lost_for_good(trace) == 1


# By hand: from what `lab run --brief` prints, and nothing else.


class Printed:
    """A play as a student reads it: lines of logs, with the ms at which each was written, and frames."""

    def __init__(self, trace: Trace) -> None:
        teller = Teller.of(LAB)
        told = [teller.tell(event) for event in trace.events]
        found = [
            re.match(r" *([\d.]+) ms  (\w:\w+):delivered:\d+ +the program hands over: (.*)", line) for line in told
        ]
        self._logs = [(each[2], float(each[1]), each[3]) for each in found if each]
        self.frames = [line for line in told if re.match(r" *[\d.]+ ms  \w-\w:", line)]

    def log(self, name: str, pattern: str) -> list[re.Match[str]]:
        return [match for where, _, line in self._logs if where == name and (match := re.match(pattern, line))]

    def at(self, name: str, pattern: str) -> list[tuple[float, str]]:
        return [(at, line) for where, at, line in self._logs if where == name and re.match(pattern, line)]


def by_hand_reliable(printed: Printed) -> float:
    served = [match[1] for match in printed.log("b:players", r"served lineup \w+ (\d+):")]
    assert len(served) == len(set(served))  # day by day, no two are the same
    return sum(match[1] in served for match in printed.log("a:teams", r"lineup \w+ (\d+): no answer"))


def by_hand_latency(printed: Printed) -> float:
    told = printed.at("a:teams", r"lineup|shirt|the question")
    ends = [n for n, (_, line) in enumerate(told) if line.startswith("the question")]
    begins = [n for n, (_, line) in enumerate(told) if line.startswith("lineup")]
    assert begins == [0, *(n + 1 for n in ends[:-1])]  # a question is over before the next is asked
    return max(end - begin for begin, end in zip(begins, ends, strict=True))


def by_hand_bandwidth(printed: Printed) -> float:
    queues: list[list[float]] = [[]]
    for at, line in printed.at("a:teams", r"photo|the question"):
        if line.startswith("photo"):
            queues[-1].append(at)
        else:
            queues.append([])
    return max(queue[-1] - queue[0] for queue in queues[:-1])


def by_hand_secure(printed: Printed) -> float:
    said = {match[1]: match[2] for match in printed.log("b:players", r"served lineup \w+ (\d+): (.*)")}
    heard = {match[1]: match[2] for match in printed.log("a:teams", r"lineup \w+ (\d+): (.*);")}
    (day,) = [day for day in heard if heard[day] != said[day]]
    (forged,) = [line for line in printed.frames if " c-m:" in line and '"result":' in line]
    assert all(f'"{name}"' in forged for name in heard[day].split(", "))
    return int(day)


def by_hand_topology(printed: Printed) -> float:
    refused = printed.log("a:teams", r".*: refused")
    assert 0 < len(refused) <= sum(" b-m:rst" in line for line in printed.frames)  # a dead connection is reset, too
    return len(refused)


def by_hand_administrator(printed: Printed) -> float:
    (number,) = {match[1] for match in printed.log("m:policy", r"\w+, rule (\d+), .*: refuses .*\b10\.0\.0\.1:")}
    return int(number)


def by_hand_cost(printed: Printed) -> float:
    (carried,) = printed.log("m:bill", r"line a, in all: \d+ frames, (\d+) bytes")
    sums = [printed.log(name, r"in all \d+ calls, (\d+) bytes asked, (\d+) ")[0] for name in ("a:teams", "c:scores")]
    return int(carried[1]) / sum(int(each[1]) + int(each[2]) for each in sums)


def by_hand_two_orders(printed: Printed) -> float:
    announced = printed.log("b:players", r"somebody cannot be understood: .*?(\d{4,})")[0]
    return int.from_bytes(int(announced[1]).to_bytes(4, "big"), "little")


def by_hand_two_lengths(printed: Printed) -> float:
    limits = {match[1]: int(match[2]) for match in printed.log("m:lines", r"line (\w): frames of up to (\d+)")}
    (line,) = {match[1] for match in printed.log("m:lines", r"line (\w): a frame of \d+ bytes does not fit")}
    return limits[line]


BY_HAND = {
    fallacies.reliable: by_hand_reliable,
    fallacies.latency: by_hand_latency,
    fallacies.bandwidth: by_hand_bandwidth,
    fallacies.secure: by_hand_secure,
    fallacies.topology: by_hand_topology,
    fallacies.administrator: by_hand_administrator,
    fallacies.cost: by_hand_cost,
    fallacies.two_orders: by_hand_two_orders,
    fallacies.two_lengths: by_hand_two_lengths,
}


def symptoms(printed: Printed) -> set[fallacies.Make]:
    """What can be seen to fail, and by which fallacy."""
    said = {match[0].removeprefix("served ") for match in printed.log("b:players", r"served lineup \w+ \d+: .*")}
    said |= {match[0].removeprefix("served ") for match in printed.log("c:spare", r"served lineup \w+ \d+: .*")}
    heard = {match[1] for match in printed.log("a:teams", r"(lineup \w+ \d+: .*);")}
    seen: dict[fallacies.Make, object] = {
        fallacies.reliable: [line for line in printed.frames if "[cut" in line],
        fallacies.secure: heard - said,
        fallacies.topology: printed.log("a:teams", r".*: refused"),
        fallacies.administrator: printed.log("m:policy", r".* refuses .*\b10\.0\.0\.1:"),
        fallacies.two_orders: printed.log("b:players", r"somebody cannot be understood"),
        fallacies.two_lengths: printed.log("m:lines", r".* does not fit"),
    }
    return {make for make, found in seen.items() if found}


def expect_by_hand(make: fallacies.Make, incident: fallacies.Incident, trace: Trace) -> None:
    printed = Printed(trace)
    assert BY_HAND[make](printed) == pytest.approx(incident.number(trace), abs=incident.tolerance / 2)
    assert symptoms(printed) == {make} - {fallacies.latency, fallacies.bandwidth, fallacies.cost}


@pytest.mark.parametrize("make", MAKES, ids=lambda make: make.__name__)
def test_what_is_judged_is_what_is_found_by_hand(make: fallacies.Make, cast: Cast) -> None:
    for incident, trace in plays(make, cast):
        expect_by_hand(make, incident, trace)


@pytest.mark.slow
@pytest.mark.parametrize("make", MAKES, ids=lambda make: make.__name__)
def test_what_is_judged_is_what_is_found_by_hand_by_whoever_it_is(make: fallacies.Make, cast: Cast) -> None:
    for key in range(2, 32):
        incident = drawn(make, key)
        expect_by_hand(make, incident, sim.play(incident.scene, cast, seed=1).trace)


# Blind.


def test_the_eight_are_shuffled_and_drawn_for_each_student() -> None:
    students = [questions.cases(f"student {n}") for n in range(20)]
    assert all(sorted(case.fallacy for case in cases) == sorted(FALLACIES) for cases in students)
    assert len({tuple(case.fallacy for case in cases) for cases in students}) == 20
    assert list(own_scenes(LAB, "x")) == [f"case{n}" for n in range(1, 9)]
    for case in students[0]:
        assert own_scenes(LAB, "student 0")[case.name].name == case.name


def test_the_names_of_programs_and_logs_tell_nothing() -> None:
    def shown(scene: Scene) -> list[tuple[str, str, str]]:
        return [(each.host, each.name, getattr(each, "file", "")) for each in scene.programs]

    scenes = own_scenes(LAB, "student")
    calm = SCENES["calm"]
    assert all(shown(scene) == shown(calm) for scene in scenes.values())
    assert all(scene.ports == calm.ports for scene in scenes.values())


def test_a_student_plays_the_cases_of_the_key_in_the_answers(tmp_path: Path) -> None:
    (tmp_path / "answers.toml").write_text('key = "student 3"\n', encoding="utf-8")
    scene, is_own = chosen_scene(LAB, tmp_path, "case2")
    assert (scene.name, scene.programs, is_own) == ("case2", own_scenes(LAB, "student 3")["case2"].programs, True)
    assert chosen_scene(LAB, tmp_path, "calm") == (SCENES["calm"], False)
    with pytest.raises(Refusal, match="no scene 'case9'"):
        chosen_scene(LAB, tmp_path, "case9")


def test_a_wrong_number_of_the_right_fallacy_is_helped_by_what_is_said_of_that_one() -> None:
    def play(scene: Scene) -> Trace:
        raise AssertionError("asking plays nothing")

    asked = [*questions.diagnose_3("student", play), *questions.diagnose_4("student", play)]
    for fallacy, number in zip(asked[::2], asked[1::2], strict=True):
        assert fallacy.hint == ""
        assert FALLACIES[fallacy.truth()].hint in number.hint


def test_a_case_that_the_students_calls_cannot_play_says_so() -> None:
    def play(scene: Scene) -> Trace:
        return Trace(scene=scene.name, seed=1, testbed="sim")

    with pytest.raises(Broken, match="plays as it should"):
        [question.truth() for question in questions.diagnose_3("student", play)]


@pytest.mark.slow
@pytest.mark.parametrize("make", MAKES, ids=lambda make: make.__name__)
def test_a_number_does_not_depend_on_the_seed(make: fallacies.Make, cast: Cast) -> None:
    for key in range(5):
        incident = drawn(make, key)
        again = incident.number(sim.play(incident.scene, cast, seed=99).trace)
        assert again == pytest.approx(incident.number(played(incident, cast)), abs=incident.tolerance / 2)


@pytest.mark.parametrize("make", MAKES, ids=lambda make: make.__name__)
def test_numbers_differ_from_student_to_student(make: fallacies.Make, cast: Cast) -> None:
    assert len({incident.number(trace) for incident, trace in plays(make, cast)}) == 2


def test_whatever_is_drawn_makes_a_scene() -> None:
    for key in range(300):
        assert len(own_scenes(LAB, f"student {key}")) == 8


# Once.

DEPTHS = range(900, 1000, 3)
"""How deeply lists are nested: somewhere here what can just be read can no longer be written."""


def signed(trace: Trace) -> list[str]:
    return [payload.decode() for payload in trace.delivered("a")]


def test_without_a_table_a_lost_answer_signs_a_player_twice(tmp_path: Path) -> None:
    own = lay_out(open_course(), LAB, tmp_path / "own")
    shutil.copy(LAB.folder / "starter" / "once.py", own)
    scene = signing(["Nia for Herons", "Herons?"], every=6.0, faults=["drop b-a:data:1-4"], office={"patience": 0.7})
    with Cast(own=own, given=given_folder(LAB), hidden=LAB.hidden) as cast:
        told = signed(sim.play(scene, cast, seed=1).trace)
    assert told[-1].count("Nia") == 2


def test_with_a_table_it_does_not(cast: Cast) -> None:
    for faults in (["drop b-a:data:1-4"], ["cut a-b:90ms-3s"]):
        scene = signing(["Nia for Herons", "Herons?"], every=6.0, faults=faults, office={"patience": 0.7})
        told = signed(sim.play(scene, cast, seed=1).trace)
        assert told == ["Nia for Herons: 4", "Herons?: ['Ada', 'Edsger', 'Grace', 'Nia']"]


def test_whoever_speaks_nonsense_is_left_and_the_others_are_served(cast: Cast) -> None:
    trace = sim.play(SCENES["application"], cast, seed=1).trace
    assert [event.number for event in trace.events if isinstance(event, PortEvent) and event.what == "delivered"]
    assert answers(trace, "a", "none") == []


def test_players_outlives_whatever_is_asked(cast: Cast) -> None:
    """Half a letter, and what is nested so deeply that it can be read and not be written."""
    half = b'{"id":1,"method":"sign","arguments":{"team":"Otters","player":"\\ud800"},"identity":"y"}'
    deep = (
        b'{"id":1,"method":"of","arguments":{"team":%s%s},"identity":"%d"}' % (b"[" * n, b"]" * n, n) for n in DEPTHS
    )
    rude = {"half": encoded(half), "deep": b"".join(map(encoded, deep))}
    asking = {"line": offering((2 * SECOND, requesting(1, "of", {"team": "Otters"})), (3 * SECOND, b""))}
    offers = {name: offering((0, words), (SECOND, b"")) for name, words in rude.items()} | asking
    scene = Scene(
        name="rude",
        topology=SCENES["application"].topology,
        programs=(program("b", "players.py"), *(typing("a", name=name, port=PORT, connect="b") for name in offers)),
        ports=tuple(Port(host="a", name=name, program=name, offers=each) for name, each in offers.items()),
    )
    trace = sim.play(scene, cast, seed=1).trace
    assert not [each for each in trace.exits() if each.how not in ("cancelled", "returned")]
    assert [each["result"] for each in answers(trace, "a", "line")] == [["Barbara", "Leslie"]]
    assert len(answers(trace, "a", "deep")) > 1


# The ledger.


def test_the_curve_rises_again() -> None:
    inside = {row.number: row.inside for row in open_ledger(open_course()) if row.files}
    assert inside["4"] < inside["3"]
    assert inside["5"] > 2 * inside["4"]
