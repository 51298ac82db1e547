"""The window in which breaker and budget count, against a list of all that ever happened; and what it gives to both."""

from hypothesis import given
from hypothesis import strategies as st

from mesh.policies.breaker import Breaker, State
from mesh.policies.budget import RetryBudget
from mesh.policies.rolling import SLICES, Rolling

steps = st.lists(st.tuples(st.floats(0, 3), st.sampled_from("abc")), max_size=200)
lengths = st.sampled_from([0.5, 1.0, 4.0, 10.0, 60.0])


@given(steps, lengths)
def test_it_counts_what_a_list_of_everything_says(happened: list[tuple[float, str]], seconds: float) -> None:
    rolling, now = Rolling(seconds), 0.0
    everything: list[tuple[int, str]] = []
    for step, what in happened:
        now += step
        number = int(now * SLICES / seconds)
        rolling.add(what, now=now)
        everything.append((number, what))
        for name in "abc":
            expected = [slice_ for slice_, each in everything if each == name and slice_ > number - SLICES]
            assert rolling.count(name, now=now) == len(expected)


@given(steps, lengths)
def test_it_keeps_no_more_than_ten_slices(happened: list[tuple[float, str]], seconds: float) -> None:
    rolling, now = Rolling(seconds), 0.0
    for step, what in happened:
        now += step
        rolling.add(what, now=now)
        assert len(rolling._slices) <= SLICES


def test_a_slice_is_forgotten_when_ten_have_begun_after_it() -> None:
    rolling = Rolling(10.0)
    rolling.add("failure", now=0.5)
    assert [rolling.count("failure", now=now) for now in (0.5, 9.999, 10.0)] == [1, 1, 0]


@given(st.lists(st.floats(0, 3), max_size=200), st.sampled_from([0.0, 0.1, 0.25]), st.sampled_from([0.0, 0.5]))
def test_a_retry_is_made_only_if_it_fits_into_the_window(moments: list[float], share: float, reserve: float) -> None:
    budget, now = RetryBudget(share=share, reserve=reserve), 0.0
    made: list[tuple[int, bool]] = []
    for step in moments:
        now += step
        budget.request(now=now)
        made.append((int(now), True))
        while budget.may_retry(now=now):
            made.append((int(now), False))
            lately = [is_request for second, is_request in made if second > int(now) - 10]
            assert lately.count(False) <= share * lately.count(True) + 10 * reserve + 1e-9


def test_a_sleep_is_longer_by_what_jitter_draws_each_time_it_begins() -> None:
    draws = iter([2.0, 0.5])
    breaker = Breaker(requests=1, jitter=lambda: next(draws))
    breaker.failed(now=0.0)
    assert [breaker.may_pass(now=now) for now in (6.9, 7.0)] == [False, True]
    breaker.failed(now=8.0)
    assert [breaker.may_pass(now=now) for now in (13.4, 13.5)] == [False, True]


def test_what_ends_late_changes_nothing_about_an_open_circuit() -> None:
    breaker = Breaker(requests=1)
    breaker.failed(now=0.0)
    for late in (breaker.failed, breaker.succeeded, breaker.abandoned):
        late(now=3.0)
        assert breaker.state is State.OPEN
    assert [breaker.may_pass(now=now) for now in (4.9, 5.0, 5.0)] == [False, True, False]
