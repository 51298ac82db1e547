"""How much may be under way: NewReno's sawtooth, and CUBIC's curve held against the RFC's formulas."""

from dataclasses import replace

import pytest

from netstack.tcp import Congestion, Cubic, NewReno
from netstack.tcp.congestion import UNLIMITED
from netstack.tcp.parts import initial_window
from tests.netstack.tcp.played import PLAIN, Played

S = 1000
RENO = replace(PLAIN, congestion=NewReno, nagle=False)


def run_for(it: Congestion, seconds: float, *, rtt: float, now: float) -> list[tuple[float, float]]:
    """Acknowledge whole windows for so long, evenly; return when the window was how large, in segments."""
    seen, end = [], now + seconds
    while now < end:
        count = max(S, it.window // 50)
        now += rtt * count / it.window
        it.acknowledged(count, round_trip=rtt, now=now)
        seen.append((now, it.window / S))
    return seen


# Slow start


@pytest.mark.parametrize("algorithm", [NewReno, Cubic])
def test_slow_start_doubles_each_round_trip(algorithm: type[Congestion]) -> None:
    it = algorithm(S, 10 * S)
    for _ in range(10):
        it.acknowledged(S, round_trip=0.1, now=0.0)
    assert it.window == 20 * S


@pytest.mark.parametrize("algorithm", [NewReno, Cubic])
def test_one_acknowledgement_of_much_is_no_licence_for_a_burst(algorithm: type[Congestion]) -> None:
    """RFC 3465: two segments for each; after a timeout, one."""
    it = algorithm(S, 10 * S)
    it.acknowledged(50 * S, round_trip=0.1, now=0.0)
    assert it.window == 12 * S
    it.timed_out(40 * S, now=0.0)
    assert it.window == S
    it.acknowledged(20 * S, round_trip=0.1, now=0.0)
    assert it.window == 2 * S


@pytest.mark.parametrize("algorithm", [NewReno, Cubic])
def test_an_idle_connection_begins_anew(algorithm: type[Congestion]) -> None:
    it = algorithm(S, 10 * S)
    it.window = 100 * S
    it.idled()
    assert it.window == 10 * S


@pytest.mark.parametrize(("mss", "segments"), [(1460, 10), (1448, 10), (536, 10), (2000, 7), (9000, 2), (20_000, 2)])
def test_the_first_window(mss: int, segments: int) -> None:
    """RFC 6928, 2."""
    assert initial_window(mss, 10) // mss == segments


# NewReno


def test_congestion_avoidance_adds_a_segment_each_round_trip() -> None:
    it = NewReno(S, 10 * S)
    it.lost(20 * S, now=0.0)
    seen = run_for(it, 10.0, rtt=0.1, now=0.0)
    assert seen[-1][1] == pytest.approx(10 + 100, abs=1)


def test_loss_halves_what_was_under_way() -> None:
    it = NewReno(S, 10 * S)
    it.lost(30 * S, now=0.0)
    assert (it.window, it.threshold) == (15 * S, 15 * S)
    it.lost(1, now=0.0)
    assert it.window == 2 * S
    it.timed_out(30 * S, now=0.0)
    assert (it.window, it.threshold) == (S, 15 * S)


# CUBIC: RFC 9438


C, BETA = 0.4, 0.7


def curve(t: float, largest: float, epoch: float) -> float:
    """RFC 9438, figures 1 and 2: W_cubic(t), in segments."""
    return C * (t - ((largest - epoch) / C) ** (1 / 3)) ** 3 + largest


def friendly(t: float, prior: float, epoch: float, rtt: float) -> float:
    """RFC 9438, 4.3: W_est(t) when all windows are acknowledged: α a round trip, and one from `prior` on."""
    alpha = 3 * (1 - BETA) / (1 + BETA)
    until_prior = (prior - epoch) / alpha * rtt
    return epoch + alpha * t / rtt if t < until_prior else prior + (t - until_prior) / rtt


def test_it_keeps_seven_tenths() -> None:
    it = Cubic(S, 10 * S)
    it.window = 100 * S
    it.lost(100 * S, now=0.0)
    assert it.window == 70 * S


@pytest.mark.parametrize(("largest", "rtt"), [(100, 0.1), (1000, 0.1), (300, 0.05), (2000, 0.2)])
def test_the_window_follows_the_curve(largest: int, rtt: float) -> None:
    it = Cubic(S, 10 * S)
    it.window = largest * S
    it.lost(it.window, now=0.0)
    seen = run_for(it, 20.0, rtt=rtt, now=0.0)
    begins = seen[0][0]
    for when, window in seen[5:]:
        t = when - begins
        expected = max(curve(t, largest, BETA * largest), friendly(t, largest, BETA * largest, rtt))
        assert abs(window - expected) < 0.03 * expected, f"after {t:.2f} s {window:.1f} instead of {expected:.1f}"


def test_a_plateau_where_the_loss_was() -> None:
    it = Cubic(S, 10 * S)
    it.window = 1000 * S
    it.lost(it.window, now=0.0)
    plateau = ((1000 - 700) / C) ** (1 / 3)
    near = [window for when, window in run_for(it, 15.0, rtt=0.1, now=0.0) if abs(when - plateau) < 1]
    assert max(near) - min(near) < 10


def test_on_a_short_path_it_is_no_slower_than_reno() -> None:
    """RFC 9438, 4.3: with 1 ms the curve would stand still; W_est grows by α = 9/17 a round trip, later by one."""
    it = Cubic(S, 10 * S)
    it.window = 20 * S
    it.lost(it.window, now=0.0)
    seen = run_for(it, 0.1, rtt=0.001, now=0.0)
    assert seen[-1][1] == pytest.approx(friendly(0.1, 20, 14, 0.001), rel=0.03)


def test_whoever_loses_below_the_last_peak_leaves_room() -> None:
    """RFC 9438, 4.7: fast convergence. The plateau lies lower than where the loss was."""
    it = Cubic(S, 10 * S)
    it.window = 1000 * S
    it.lost(it.window, now=0.0)
    it.lost(it.window, now=0.0)
    assert it.window == pytest.approx(490 * S, abs=S)
    plateau = ((700 * 0.85 - 490) / C) ** (1 / 3)
    seen = run_for(it, 2 * plateau, rtt=0.05, now=0.0)
    reached = next(window for when, window in seen if when > plateau)
    assert reached == pytest.approx(595, rel=0.02)


def test_after_a_timeout_the_curve_begins_at_its_plateau() -> None:
    """RFC 9438, 4.8: K is 0, and W_max where congestion avoidance begins."""
    it = Cubic(S, 10 * S)
    it.window = 1000 * S
    it.timed_out(it.window, now=0.0)
    assert (it.window, it.threshold) == (S, 700 * S)
    while it.window < it.threshold:
        it.acknowledged(S, round_trip=0.1, now=1.0)
    seen = run_for(it, 5.0, rtt=0.1, now=1.0)
    expected = max(curve(5.0, 700, 700), friendly(5.0, 1000, 700, 0.1))
    assert seen[-1][1] == pytest.approx(expected, rel=0.02)


def test_growth_is_never_more_than_by_half_in_a_round_trip() -> None:
    it = Cubic(S, 10 * S)
    it.window = 100 * S
    it.lost(it.window, now=0.0)
    run_for(it, 1.0, rtt=0.1, now=0.0)
    before = it.window
    for _ in range(before // S):
        it.acknowledged(S, round_trip=0.1, now=1000.0)
    assert it.window <= 1.5 * before * 1.1


# When a window may grow


def test_a_window_that_is_not_used_does_not_grow() -> None:
    """RFC 7661: a slow writer proves nothing about the path."""
    it = Played(settings=RENO)
    for count in range(200):
        it.write(bytes(1000))
        it.hear("A", ack=1 + 1000 * (count + 1))
    assert it.it.sender.recovery.congestion.window == 10 * 1460


def test_a_window_that_held_something_back_grows_by_all_that_it_let_go() -> None:
    """Also by the last segments of the burst, when nothing waits behind them any more."""
    it = Played(settings=RENO)
    it.write(bytes(12 * 1460))
    for count in range(1, 11):
        it.hear("A", ack=1 + 1460 * count)
    assert it.it.sender.recovery.congestion.window == 20 * 1460


def test_a_receiver_s_window_that_limits_us_lets_ours_stand_still() -> None:
    it = Played(settings=RENO, window=5 * 1460)
    it.write(bytes(100 * 1460))
    for count in range(1, 60):
        it.hear("A", ack=1 + 1460 * count)
    assert it.it.sender.recovery.congestion.window == 10 * 1460


def test_the_first_timeout_of_several_sets_the_threshold() -> None:
    it = Played(settings=RENO)
    it.write(bytes(20 * 1460))
    it.wait(3.5)
    congestion = it.it.sender.recovery.congestion
    assert isinstance(congestion, NewReno)
    assert (congestion.window, congestion.threshold) == (1460, 5 * 1460)


def test_no_loss_no_threshold() -> None:
    assert NewReno(S, S).threshold == Cubic(S, S).threshold == UNLIMITED
