"""Explicit congestion notification: a router marks instead of dropping (RFC 3168, 6.1)."""

from dataclasses import replace

import pytest

from netstack.tcp import NewReno
from tests.netstack.tcp.played import MSS, PLAIN, Played

ECN = replace(PLAIN, ecn=True, congestion=NewReno, quick_acks=100)


def agreed() -> Played:
    it = Played(settings=ECN, active=True, opened=False)
    it.hear("SAE", options=MSS)
    assert it.it.terms.ecn
    return it


def test_asking_and_granting() -> None:
    it = Played(settings=ECN, active=True, opened=False)
    assert it.began == ["SEC 0"]
    it.hear("SAE", options=MSS)
    assert it.it.terms.ecn
    passive = Played(settings=ECN, opened=False)
    syn = passive.segment("SEC", seq=0, options=MSS)
    assert type(passive.it).accept((1, 1), (2, 2), syn, isn=0, now=0.0, settings=ECN).terms.ecn


@pytest.mark.parametrize("flags", ["SA", "SAEC"])
def test_an_answer_without_it_or_from_a_mere_reflector(flags: str) -> None:
    it = Played(settings=ECN, active=True, opened=False)
    it.hear(flags, options=MSS)
    assert not it.it.terms.ecn


def test_nobody_grants_what_nobody_asked_for() -> None:
    it = Played(settings=PLAIN, active=True, opened=False)
    assert it.began == ["S 0"]
    it.hear("SAE", options=MSS)
    assert not it.it.terms.ecn
    assert not Played(settings=ECN).it.terms.ecn


def test_a_syn_that_is_repeated_asks_no_more() -> None:
    it = Played(settings=ECN, active=True, opened=False)
    assert it.wait(1.1) == ["1000 S 0"]


def test_a_mark_is_echoed_until_the_other_side_has_slowed_down() -> None:
    it = agreed()
    assert it.hear("A", b"x", marked=True) == ["AE 1 ack 2"]
    assert it.hear("A", b"x") == ["AE 1 ack 3"]
    assert it.hear("AC", b"x") == ["A 1 ack 4"]
    assert it.hear("AC", b"x", marked=True) == ["AE 1 ack 5"]


def test_an_echo_halves_the_window_once_per_window_of_data() -> None:
    it = agreed()
    it.write(bytes(100_000))
    window = it.it.sender.recovery.congestion.window
    it.hear("AE", ack=1 + 1460)
    assert it.it.sender.recovery.congestion.window == window // 2
    for count in range(2, 11):
        it.hear("AE", ack=1 + 1460 * count)
    assert it.it.sender.recovery.congestion.window == window // 2


def test_an_echo_that_our_answer_has_not_reached_yet_is_not_news() -> None:
    """All that was sent before slowing down is acknowledged, but not yet the segment that says CWR."""
    it = agreed()
    it.write(bytes(14_600))
    it.hear("AE", ack=1 + 1460)
    halved = it.it.sender.recovery.congestion.window
    it.hear("AE", ack=1 + 14_600)
    it.hear("AE", window=50_000)
    assert it.it.sender.recovery.congestion.window == halved
    it.write(bytes(1460))
    it.hear("AE", ack=1 + 14_600 + 1460)
    assert it.it.sender.recovery.congestion.window < halved


def test_the_first_new_data_after_slowing_down_says_so() -> None:
    it = agreed()
    it.write(bytes(20_000))
    it.hear("AE", ack=1 + 1460)
    told: list[str] = []
    count = 1
    while not told:
        count += 1
        told = it.hear("A", ack=1 + 1460 * count)
    assert told[0].startswith("AC ")
    assert it.hear("A", ack=1 + 1460 * (count + 1))[0].startswith(("A ", "PA "))


def test_slowing_down_after_a_loss_is_said_too() -> None:
    """RFC 3168, 6.1.2: for any reason; but never on what is sent again."""
    it = agreed()
    it.write(bytes(1460))
    assert it.wait(0.25)[0].split(maxsplit=1)[1] == "PA 1:1461 ack 1"
    it.hear("A", ack=1461)
    assert it.write(b"new") == ["PAC 1461:1464 ack 1"]


def test_only_new_data_may_be_marked() -> None:
    it = agreed()
    it.it.write(b"hello")
    segment = next(it.it.segments_to_send(now=it.now))
    assert it.it.marks_capable(segment)
    list(it.it.segments_to_send(now=it.now))
    it.it.handle_timer(now=it.now + 60)
    again = next(it.it.segments_to_send(now=it.now + 60))
    assert not it.it.marks_capable(again)
    it.hear("A", b"data", ack=6)
    assert not it.it.marks_capable(it.sent[-1])
