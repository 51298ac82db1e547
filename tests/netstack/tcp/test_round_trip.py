"""The retransmission timer: RFC 6298 with Karn's rule, and timestamps."""

from dataclasses import replace

import pytest

from netstack.packets.tcp import Options
from netstack.tcp.rtt import RoundTrip
from netstack.tcp.timestamps import Timestamps
from tests.netstack.tcp.played import PLAIN, Played

STAMPED = replace(PLAIN, timestamps=True)


def test_by_hand() -> None:
    """RFC 6298, 2: the first sample sets both; later ones count an eighth, and a quarter."""
    it = RoundTrip(least=0.0)
    assert it.timeout == 1.0
    it.sample(0.4)
    assert (it.smoothed, it.variation, it.timeout) == pytest.approx((0.4, 0.2, 1.2))
    it.sample(0.8)
    assert (it.smoothed, it.variation) == pytest.approx((0.45, 0.25))
    assert it.timeout == pytest.approx(0.45 + 4 * 0.25)


def test_a_steady_path_keeps_the_floor_of_its_second_term() -> None:
    it = RoundTrip()
    for _ in range(1000):
        it.sample(0.05)
    assert it.timeout == pytest.approx(0.25)


def test_it_doubles_until_a_new_sample_and_never_beyond_the_most() -> None:
    it = RoundTrip()
    it.sample(0.1)
    first = it.timeout
    seen = []
    for _ in range(2000):
        seen.append(it.timeout)
        it.back_off()
    assert seen[:4] == pytest.approx([first, 2 * first, 4 * first, 8 * first])
    assert max(seen) == seen[-1] == 120.0
    it.sample(0.1)
    assert it.timeout < 2 * first


def test_the_timer_runs_while_something_is_under_way() -> None:
    it = Played()
    it.hear("A")
    it.write(b"x" * 2920)
    it.now += 0.1
    it.hear("A", ack=1461)  # RFC 6298 (5.3): begins anew with what is newly acknowledged
    timeout = it.it.sender.round_trip.timeout
    assert it.it.next_timer() == pytest.approx(it.now + timeout)
    it.hear("A", ack=2921)  # (5.2)
    assert it.it.next_timer() is None


def test_timeouts_double_and_the_same_segment_goes_again() -> None:
    it = Played()
    it.write(b"hello")
    timeout = round(it.it.sender.round_trip.timeout * 1000)
    told = [text.split(maxsplit=1) for text in it.wait(timeout / 1000 * 16)]
    assert [text for _, text in told] == ["PA 1:6 ack 1"] * 4
    assert [int(when) for when, _ in told] == [timeout, 3 * timeout, 7 * timeout, 15 * timeout]


def test_karn_what_was_sent_twice_is_no_sample_and_back_off_stays() -> None:
    it = Played()
    it.write(b"hello")
    before = it.it.sender.round_trip.smoothed
    timeout = it.it.sender.round_trip.timeout
    it.wait(timeout + 0.01)
    it.now += 0.05
    it.hear("A", ack=6)
    assert it.it.sender.round_trip.smoothed == before
    assert it.it.sender.round_trip.timeout == 2 * timeout
    it.write(b"again")
    it.now += 0.05
    it.hear("A", ack=11)
    assert it.it.sender.round_trip.timeout < 2 * timeout


def stamps(it: Played, echo: int) -> Options:
    return Options(timestamps=(1000, echo))


def test_with_timestamps_the_echo_tells_which_try_was_answered() -> None:
    it = Played(settings=STAMPED, options=Options(mss=1460, timestamps=(1, 0)), opened=False)
    it.now += 0.05
    it.hear("A", options=stamps(it, it.it.timestamps.value(it.now - 0.05)))
    it.write(b"hello")
    timeout = it.it.sender.round_trip.timeout
    it.wait(timeout + 0.01)
    second_try = it.it.timestamps.value(it.now - 0.01)
    it.now += 0.05
    it.hear("A", ack=6, options=stamps(it, second_try))
    assert it.it.sender.round_trip.smoothed == pytest.approx(0.05, abs=0.01)
    assert it.it.sender.round_trip.timeout < 2 * timeout


def test_an_echo_from_before_the_segment_was_sent_is_no_sample() -> None:
    it = Played(settings=STAMPED, options=Options(mss=1460, timestamps=(1, 0)), opened=False)
    it.now += 0.05
    it.hear("A", options=stamps(it, it.it.timestamps.value(it.now - 0.05)))
    it.write(b"hello")
    it.wait(it.it.sender.round_trip.timeout + 0.01)
    before = it.it.sender.round_trip.smoothed
    it.hear("A", ack=6, options=stamps(it, it.it.timestamps.value(it.now - 1000.0)))
    assert it.it.sender.round_trip.smoothed == before


def test_what_was_known_to_have_arrived_is_not_measured_once_more() -> None:
    """Its selective acknowledgement came long before; the gap's end says nothing about its round trip."""
    settings = replace(PLAIN, sack=True)
    it = Played(settings=settings, options=Options(mss=1460, sack_permitted=True))
    it.now += 0.01
    it.write(b"x" * 4380)
    it.now += 0.1
    it.hear("A", ack=1, options=it.sacks((1461, 4381)))
    before = it.it.sender.round_trip.smoothed
    assert before is not None
    it.now += 5
    it.hear("A", ack=1461)
    it.hear("A", ack=4381)
    assert it.it.sender.round_trip.smoothed < before + 1


def test_stamps_tick_in_milliseconds_and_wrap() -> None:
    it = Timestamps(offset=2**32 - 500)
    assert it.value(0.4999) == 2**32 - 1
    assert it.value(1.0) == 500
    assert it.round_trip(it.value(0.2), now=0.7) == pytest.approx(0.5)
    assert it.round_trip(0, now=0.7) is None  # nothing was echoed
    assert it.round_trip(it.value(0.9), now=0.7) is None  # from the future
