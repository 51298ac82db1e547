"""The committed table of goodput is what this protocol does, to the last digit."""

import itertools

import pytest

from bench import goodput


def committed() -> list[str]:
    """The cells of the table, in the order of `goodput.cases`."""
    rows = [
        line
        for line in goodput.TABLE.read_text(encoding="utf-8").splitlines()
        if line[:3] in ("| 0", "| 1", "| 2", "| 5")
    ]
    return [text.strip() for row in rows for text in row.strip("| ").split("|")[1:]]


def test_a_sample_of_the_table() -> None:
    table = list(zip(goodput.cases(), committed(), strict=True))
    for case, said in itertools.islice(table, 4, None, 11):
        assert goodput.cell(case) == said, (
            f"{case}: if that is meant, run python -m bench.goodput, and commit the table"
        )


@pytest.mark.slow
def test_the_whole_table() -> None:
    assert goodput.document() == goodput.TABLE.read_text(encoding="utf-8"), "run python -m bench.goodput"


def test_without_loss_the_buffer_is_used() -> None:
    """And a window that holds two round trips' worth fills the wire."""
    case = goodput.Case("cubic", 0.0, 64, 40)
    assert goodput.goodput(case) > 0.9 * case.limit
