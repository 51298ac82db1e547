"""A chart compares: axes that read well, names that are told apart, and places that are where the numbers say."""

import re
from itertools import pairwise

import pytest

from labs.story.chart import Chart, Series, ticks


def drawn(*series: Series) -> str:
    return Chart(title="Stop & wait", across="delay, ms", up="share", series=series)._repr_html_()


@pytest.mark.parametrize("highest", [0.2, 0.97, 1, 3, 7, 16, 41.2, 64, 100, 1700])
def test_an_axis_has_a_few_round_numbers_and_ends_where_the_values_do_or_a_little_above(highest: float) -> None:
    values = ticks(highest)
    steps = {round(after - before, 9) for before, after in pairwise(values)}
    assert values[0] == 0
    assert highest <= values[-1] < highest + max(steps)
    assert len(steps) == 1
    assert re.fullmatch(r"[125]0*|0\.0*[125]", f"{steps.pop():g}")
    assert 3 <= len(values) <= 9


def test_nothing_at_all_still_has_axes() -> None:
    assert ticks(0) == [0.0, *ticks(0)[1:]]
    assert "<svg" in drawn(Series("nothing", []))


def test_higher_values_stand_higher_and_later_ones_further_right() -> None:
    (path,) = re.findall(r'class="series"[^>]*d="(M[^"]*L[^"]*L[^"]*)"', drawn(Series("a", [(0, 0), (1, 2), (2, 4)])))
    places = [tuple(map(float, place.split())) for place in path[1:].split(" L")]
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert [y for _, y in places] == sorted((y for _, y in places), reverse=True)


def test_steps_stay_level_until_the_next_value_and_to_the_end() -> None:
    page = drawn(Series("a", [(0, 1), (2, 3)], "steps"), Series("b", [(4, 3)], "dots"))
    sample, steps = re.findall(r'class="series"[^>]* d="([^"]*)"', page)
    assert sample != steps
    assert re.fullmatch(r"M[\d.]+ [\d.]+ H[\d.]+ V[\d.]+ H626\.0", steps)


def test_each_series_has_its_name_and_a_look_of_its_own_that_is_not_only_colour() -> None:
    manners = ("dots", "dots", "steps", "line")
    page = drawn(*(Series(f"<{n}>", [(0, n), (1, n + 1)], manner) for n, manner in enumerate(manners)))
    assert all(f"&lt;{n}&gt;" in page for n in range(4))
    assert "Stop &amp; wait" in page
    assert len(set(re.findall(r'class="dot"[^>]* d="([^"]*)"', page))) == 2
    assert len(set(re.findall(r'stroke-dasharray="([^"]*)"', page))) == 2


def test_long_names_take_more_rows() -> None:
    heights = [
        float(re.findall(r'viewBox="0 0 640 (\d+)"', drawn(*(Series(name * 40, [(1, 1)]) for name in names)))[0])
        for names in ("a", "abc")
    ]
    assert heights[0] < heights[1]
