"""A wire's promises: order, scripts that hit what they name, chance that is private to each frame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netstack.wire import (
    MILLISECOND,
    SECOND,
    Fault,
    Profile,
    ScriptError,
    Wire,
    flip_bit,
    format_duration,
    parse_duration,
)


def kind_of(frame: bytes) -> str:
    return "ack" if frame[:1] == b"A" else "data"


def wire(*script: str, seed: int = 1, chance: bool = True, **profile: object) -> Wire:
    return Wire(
        direction="a-b",
        link="a-b",
        profile=Profile(**profile),  # type: ignore[arg-type]
        script=tuple(map(Fault.parse, script)),
        seed=seed,
        chance=chance,
        classify=kind_of,
    )


def test_a_plain_wire_delivers_at_once() -> None:
    fate = wire().offer(b"hello", now=5)
    assert [(copy.at, copy.frame) for copy in fate.deliveries] == [(5, b"hello")]
    assert (fate.kind, fate.index, fate.faults, fate.lost) == ("data", 1, (), "")


def test_delay_and_rate_add_up_exactly() -> None:
    line = wire(rate=8_000_000, delay=2 * MILLISECOND)  # one byte a microsecond
    arrivals = [line.offer(bytes(100), now=0).deliveries[0].at for _ in range(3)]
    assert arrivals == [2_100_000, 2_200_000, 2_300_000]


def test_the_queue_holds_what_it_says_and_the_one_being_sent_does_not_count() -> None:
    line = wire(rate=8_000_000, queue=2)
    lost = [line.offer(bytes(100), now=0).lost for _ in range(4)]
    assert lost == ["", "", "", "queue full"]
    assert line.offer(bytes(100), now=100_000).lost == ""  # one left the queue


def test_a_frame_above_the_longest_is_refused_by_the_card() -> None:
    assert wire(longest=10).offer(bytes(11), now=0).lost == "too long"
    assert wire(longest=10).offer(bytes(10), now=0).lost == ""


def test_a_script_hits_the_frame_it_names_and_no_other() -> None:
    line = wire("drop a-b:ack:2", "duplicate a-b:data:1")
    frames = [b"A1", b"d1", b"A2", b"d2", b"A3"]
    fates = [line.offer(frame, now=0) for frame in frames]
    assert [len(fate.deliveries) for fate in fates] == [1, 2, 0, 1, 1]
    assert str(fates[2].faults[0]) == "drop a-b:ack:2"


def test_a_script_for_another_direction_is_left_alone() -> None:
    assert wire("drop b-a:ack:1").offer(b"A", now=0).lost == ""


def test_a_held_frame_is_overtaken() -> None:
    line = wire("hold a-b:data:1:300ms", delay=MILLISECOND)
    first, second = (line.offer(b"d", now=0).deliveries[0].at for _ in range(2))
    assert (first, second) == (301 * MILLISECOND, MILLISECOND)


def test_a_cut_link_carries_nothing_in_either_direction_and_then_recovers() -> None:
    line = Wire(direction="b-a", link="a-b", script=(Fault.parse("cut a-b:2s-5s"),))
    assert [line.offer(b"x", now=at * SECOND).lost for at in (1, 2, 4, 5)] == ["", "cut", "cut", ""]


def test_a_script_that_never_bit_is_told() -> None:
    line = wire("drop a-b:ack:2", "drop a-b:data:1")
    line.offer(b"A", now=0)
    line.offer(b"d", now=0)
    assert [str(fault) for fault in line.unmet()] == ["drop a-b:ack:2"]


def test_one_frames_luck_does_not_depend_on_the_others() -> None:
    chances = {"loss": 0.3, "duplicate": 0.2, "corrupt": 0.2, "reorder": 0.2}
    alone, mixed = wire(**chances), wire(**chances)
    fates = [alone.offer(b"data", now=0) for _ in range(200)]
    for fate in fates:
        mixed.offer(b"A", now=0)
        assert mixed.offer(b"data", now=0).faults == fate.faults
    assert 30 < sum(fate.lost == "dropped" for fate in fates) < 90


def test_a_run_of_chance_can_be_written_down_and_played_again_without_chance() -> None:
    chances = {"loss": 0.2, "duplicate": 0.2, "corrupt": 0.2, "reorder": 0.2, "delay": MILLISECOND}
    drawn = [wire_.offer(b"data %d" % n, now=n) for wire_ in [wire(**chances)] for n in range(100)]
    script = [str(fault) for fate in drawn for fault in fate.faults]
    played = [
        wire_.offer(b"data %d" % n, now=n) for wire_ in [wire(*script, chance=False, **chances)] for n in range(100)
    ]
    assert [fate.deliveries for fate in played] == [fate.deliveries for fate in drawn]


@given(st.lists(st.integers(0, 10_000), max_size=50), st.integers(0, 2**64), st.integers(0, 3_000_000))
def test_jitter_never_reorders(gaps: list[int], seed: int, jitter: int) -> None:
    line = wire(seed=seed, delay=MILLISECOND, jitter=jitter)
    now, arrivals = 0, []
    for gap in gaps:
        now += gap
        arrivals.append(line.offer(b"d", now=now).deliveries[0].at)
    assert arrivals == sorted(arrivals)


FAULTS = st.one_of(
    st.builds(
        lambda action, kind, first, more: Fault(action, "a-b", kind, first, first + more),
        st.sampled_from(["drop", "duplicate"]),
        st.sampled_from(["data", "ack", "*", "window-update"]),
        st.integers(1, 10**6),
        st.integers(0, 5),
    ),
    st.builds(
        lambda n, amount: Fault("hold", "b-a.2", "data", n, n, amount), st.integers(1, 99), st.integers(1, 10**12)
    ),
    st.builds(lambda n, bit: Fault("flip", "a-b", "data", n, n, bit), st.integers(1, 99), st.integers(0, 12_000)),
    st.builds(lambda a, b: Fault("cut", "a-b", "*", a, a + b), st.integers(0, 10**12), st.integers(1, 10**12)),
)


@given(FAULTS)
def test_a_fault_reads_back_as_it_was_written(fault: Fault) -> None:
    assert Fault.parse(str(fault)) == fault


@given(st.text(max_size=40))
def test_reading_a_fault_raises_one_error_only(text: str) -> None:
    for candidate in (text, f"drop {text}", f"hold {text}", f"cut {text}"):
        try:
            Fault.parse(candidate)
        except ScriptError:
            pass


@pytest.mark.parametrize(
    "text", ["drop b-a:ack:0", "drop b-a:ack:3-2", "hold a-b:data:1", "cut a-b:5s-2s", "lose a-b:x:1"]
)
def test_a_wrong_fault_is_refused_in_words(text: str) -> None:
    with pytest.raises(ScriptError, match=r"\w+"):
        Fault.parse(text)


@given(st.integers(0, 10**15))
def test_a_duration_reads_back(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


def test_mininets_parameters_are_read_in_mininets_units() -> None:
    profile = Profile.from_mininet({"bw": 10, "delay": "5ms", "loss": 1, "max_queue_size": 20, "mtu": 1400})
    assert profile == Profile(rate=10_000_000, delay=5_000_000, loss=0.01, queue=20, longest=1414)
    assert Profile.from_mininet({"serial": True, "mtu": 16}).longest == 16


@given(st.binary(min_size=1, max_size=64), st.integers(0, 10_000))
def test_flipping_a_bit_twice_restores_the_frame(frame: bytes, bit: int) -> None:
    assert flip_bit(frame, bit) != frame
    assert flip_bit(flip_bit(frame, bit), bit) == frame


@given(
    st.lists(st.tuples(st.integers(14, 1600), st.integers(0, 40_000)), max_size=30),
    st.sampled_from([None, 1_000_000_000, 3_000_000]),
    st.sampled_from([0, 5 * MILLISECOND]),
)
def test_carrying_a_burst_is_offering_its_frames(burst: list[tuple[int, int]], rate: int | None, delay: int) -> None:
    offered, carried = wire(rate=rate, delay=delay, queue=4), wire(rate=rate, delay=delay, queue=4)
    now, times = 0, []
    for _, pause in burst:
        now += pause
        times.append(now)
    lengths = [length for length, _ in burst]
    fates = [offered.offer(bytes(length), now=time) for length, time in zip(lengths, times, strict=True)]
    assert offered.steady
    assert carried.carry(lengths, times) == [fate.deliveries[0].at if fate.deliveries else None for fate in fates]


@pytest.mark.parametrize("unsteady", [{"loss": 0.1}, {"reorder": 0.1}, {"jitter": 1}, {"corrupt": 0.1}])
def test_a_wire_that_picks_frames_is_not_steady(unsteady: dict[str, float]) -> None:
    assert not wire(**unsteady).steady
    assert not wire("drop a-b:data:1").steady
    assert wire(chance=False, loss=0.1).steady
