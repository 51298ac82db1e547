"""Segments that are old, forged, or nonsense: they change nothing (RFC 5961, RFC 7323's PAWS, RFC 6528)."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netstack.packets.tcp import URG, Options, Tcp
from netstack.tcp import Connection, Failure, Settings, State, initial_sequence_number
from netstack.tcp.flight import Flight
from netstack.tcp.timestamps import OUTDATED
from tests.netstack.tcp.network import A, B
from tests.netstack.tcp.played import MSS, PLAIN, Played

# RFC 5961


@pytest.mark.parametrize("sequence", [2, 100, 65_535])
def test_a_reset_inside_the_window_must_be_exact(sequence: int) -> None:
    it = Played()
    assert it.hear("R", seq=sequence) == ["A 1 ack 1"]
    assert it.it.state is State.ESTABLISHED


@pytest.mark.parametrize("sequence", [0, -5, 70_000, 2**31])
def test_a_reset_outside_the_window_is_not_even_answered(sequence: int) -> None:
    it = Played()
    assert it.hear("R", seq=sequence) == []
    assert it.it.state is State.ESTABLISHED


def test_the_exact_reset_is_believed_even_when_our_window_is_closed() -> None:
    it = Played(settings=replace(PLAIN, receive_buffer=1000))
    it.hear("A", bytes(1000))
    it.hear("R")
    assert it.it.failure is Failure.RESET


@pytest.mark.parametrize("sequence", [0, 1, 500, 1_000_000])
def test_a_syn_in_the_midst_is_challenged(sequence: int) -> None:
    it = Played()
    assert it.hear("S", seq=sequence, options=MSS) == ["A 1 ack 1"]
    assert it.it.state is State.ESTABLISHED


def test_challenges_are_limited() -> None:
    it = Played()
    answers = sum(len(it.hear("R", seq=100)) for _ in range(100))
    assert answers == 10
    it.now += 5
    assert it.hear("R", seq=100) == ["A 1 ack 1"]


def test_two_confused_sides_do_not_go_on_for_ever() -> None:
    """Each thinks that the other's bare acknowledgements are old, and says so."""
    it = Played()
    assert sum(len(it.hear("A", seq=-1000)) for _ in range(100)) == 10


@pytest.mark.parametrize("number", [2, 1000, 2**31 - 1, -70_000, -(2**30)])
def test_data_that_acknowledges_what_was_never_sent_is_dropped(number: int) -> None:
    it = Played()
    assert it.hear("A", b"forged", seq=1, ack=number) == ["A 1 ack 1"]
    assert it.it.readable == 0


def test_data_with_an_old_acknowledgement_is_taken() -> None:
    it = Played()
    it.write(b"x" * 1000)
    it.hear("A", ack=1001)
    it.hear("A", b"late", ack=500)
    assert it.it.readable == 4


def test_nothing_without_an_acknowledgement() -> None:
    it = Played()
    assert it.hear("", b"no flags", seq=1) == []
    assert it.hear("F", seq=1) == []
    assert (it.it.state, it.it.readable) == (State.ESTABLISHED, 0)


def test_urgent_bytes_are_ordinary_bytes() -> None:
    """RFC 6093, 3.4."""
    it = Played()
    segment = it.segment("PA", b"urgent!")
    it.it.receive(
        Tcp(
            segment.source_port,
            segment.destination_port,
            segment.sequence,
            segment.acknowledgement,
            segment.flags | URG,
            segment.window,
            segment.payload,
            urgent=3,
        ),
        now=it.now,
    )
    assert it.it.read(100, now=it.now) == b"urgent!"


# Timestamps against old duplicates


def stamped() -> Played:
    it = Played(settings=replace(PLAIN, timestamps=True), options=Options(mss=1460, timestamps=(5000, 0)), opened=False)
    it.hear("A", options=Options(timestamps=(5000, 0)))
    return it


def test_paws() -> None:
    it = stamped()
    assert it.hear("A", b"old", seq=1, options=Options(timestamps=(4999, 0))) == ["A 1 ack 1"]
    assert it.it.readable == 0
    it.hear("A", b"new", options=Options(timestamps=(5000, 0)))
    assert it.it.readable == 3


def test_paws_across_the_wrap_of_the_clock() -> None:
    late = Options(mss=1460, timestamps=(2**32 - 5, 0))
    it = Played(settings=replace(PLAIN, timestamps=True), options=late, opened=False)
    it.hear("A", options=Options(timestamps=(2**32 - 5, 0)))
    it.hear("A", b"new", options=Options(timestamps=(3, 0)))
    it.hear("A", b"old", options=Options(timestamps=(2**32 - 1, 0)))
    assert it.it.read(10, now=it.now) == b"new"


def test_a_stamp_is_no_longer_believed_after_24_days() -> None:
    it = stamped()
    it.now += OUTDATED + 1
    it.hear("A", b"back from holiday", options=Options(timestamps=(4000, 0)))
    assert it.it.readable == 17


def test_a_segment_without_the_stamp_that_was_agreed_on() -> None:
    """RFC 7323, 3.2: dropped, and nothing said; but not a reset."""
    it = stamped()
    assert it.hear("A", b"forged", seq=1) == []
    assert it.it.readable == 0
    it.hear("R", seq=1)
    assert it.it.failure is Failure.RESET


def test_an_old_reset_is_not_held_against_its_stamp() -> None:
    it = stamped()
    it.hear("R", options=Options(timestamps=(1, 0)))
    assert it.it.failure is Failure.RESET


def test_the_stamp_echoed_is_that_of_the_first_segment_not_yet_acknowledged() -> None:
    """RFC 7323, 4.3: so a round trip includes the time for which an acknowledgement was held back."""
    it = stamped()
    it.hear("A", b"one", options=Options(timestamps=(6000, 0)))
    it.hear("A", b"two", options=Options(timestamps=(6010, 0)))
    it.wait(0.05)
    assert it.sent[-1].options.timestamps is not None
    assert it.sent[-1].options.timestamps[1] == 6000


def test_the_stamp_of_what_is_beyond_a_gap_is_not_echoed() -> None:
    it = stamped()
    it.hear("A", b"beyond", seq=100, options=Options(timestamps=(7000, 0)))
    assert it.sent[-1].options.timestamps is not None
    assert it.sent[-1].options.timestamps[1] == 5000


# RFC 6528


def test_numbers_move_on_with_time_and_differ_by_endpoint_and_secret() -> None:
    def isn(local: tuple[int, int] = A, secret: bytes = b"secret", now: float = 0.0) -> int:
        return initial_sequence_number(local, B, secret=secret, now=now)

    assert (isn(now=1.0) - isn()) % 2**32 == 250_000
    assert (isn(now=4e-6 * 2**32 + 1) - isn(now=1.0)) % 2**32 <= 1  # once round in 4 h 46 min
    assert len({isn(), isn((A[0], 40001)), isn((A[0] + 1, 40000)), isn(secret=b"other")}) == 4


# Anything at all


STATES = {
    State.SYN_SENT: [],
    State.SYN_RECEIVED: [],
    State.ESTABLISHED: [],
    State.FIN_WAIT_1: ["shut"],
    State.FIN_WAIT_2: ["shut", "A"],
    State.CLOSE_WAIT: ["FA"],
    State.CLOSING: ["shut", "FA-"],
    State.LAST_ACK: ["FA", "shut"],
    State.TIME_WAIT: ["shut", "FA"],
}


def led_to(state: State, settings: Settings, isn: int, irs: int) -> Played:
    """A connection in `state` that has sent some data, most of it not acknowledged."""
    options = Options(mss=1000, window_scale=2, sack_permitted=True, timestamps=(1, 0))
    opening = state in (State.SYN_SENT, State.SYN_RECEIVED)
    it = Played(
        settings=replace(settings, timestamps=False),
        active=state is State.SYN_SENT,
        opened=not opening,
        isn=isn,
        irs=irs,
        options=options,
    )
    if not opening and not STATES[state]:
        it.write(bytes(5000))
    for step in STATES[state]:
        if step == "shut":
            it.user(lambda connection: connection.shut_down(now=it.now))
        else:
            it.hear(step.rstrip("-"), ack=1 if step.endswith("-") else it.it.sender.next - it.isn)
    assert it.it.state is state
    return it


near = st.one_of(st.integers(-5, 5), st.integers(-70_000, 70_000), st.integers(0, 2**32 - 1), st.just(5001))
segments = st.tuples(
    st.sets(st.sampled_from("SFRPAEC")),
    near,
    near,
    st.integers(0, 65535),
    st.binary(max_size=20),
    st.lists(st.tuples(near, near), max_size=3),
    st.booleans(),
)


@pytest.mark.parametrize("state", STATES)
@given(st.lists(segments, max_size=12), st.sampled_from([1000, 2**32 - 3]), st.sampled_from([5000, 2**32 - 2]))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_no_segment_breaks_anything_in_any_state(
    state: State,
    come: list[tuple[set[str], int, int, int, bytes, list[tuple[int, int]], bool]],
    isn: int,
    irs: int,
) -> None:
    """Whatever comes: no exception; the counters are right; what is said lies within what we have, and makes an end."""
    it = led_to(state, replace(Settings(), ecn=True), isn, irs)
    connection = it.it
    for flags, seq, ack, window, data, blocks, marked in come:
        options = it.sacks(*blocks)
        it.hear("".join(flags), data, seq=seq, ack=ack, window=window, options=options, marked=marked)
        it.acked = 1
        check(connection)
    it.wait(10, most=500)
    check(connection)
    connection.abort(now=it.now)
    it.said()
    assert connection.next_timer() is None


def check(connection: Connection) -> None:
    sender = connection.sender
    recount(sender.flight, sender.mss)
    assert sender.first <= sender.unacknowledged <= sender.next
    assert sender.next - sender.first <= 5000 + 2
    records = list(sender.flight.records)
    if records:
        assert (records[0].start, records[-1].end) == (sender.unacknowledged, sender.next)
        assert all(one.end == other.start for one, other in itertools.pairwise(records))


def recount(flight: Flight, mss: int) -> None:
    """The counters of `flight` against its records."""
    assert flight.lost == sum(record.lost for record in flight.records)
    assert flight.sacked == sum(record.sacked for record in flight.records)
    assert not any(record.lost and record.sacked for record in flight.records)
    under_way = sum(record.end - record.start for record in flight.records if not (record.lost or record.sacked))
    assert flight.pipe(mss) == max(0, under_way - flight.departed * mss)
    assert 0 <= flight.departed <= len(flight.records)
    for record in flight.records:
        assert record.end - record.start == len(record.payload) + record.syn + record.fin
