"""Text in rows: a command in it stays whole where it can."""

import pytest

from labs.story import rows

COMMAND = "./lab run 0 --scene at-home --submission my-folder"


@pytest.mark.parametrize("laid_out", [rows.wrapped, lambda text: rows.hanging("hint: ", text), rows.last_rows])
@pytest.mark.parametrize("before", range(20, 80, 3))
def test_no_row_ends_within_a_word(laid_out: object, before: int) -> None:
    words = f"{'x' * before} {COMMAND}"
    assert callable(laid_out)
    found = " ".join(line.strip() for line in laid_out(words).splitlines())
    assert COMMAND in found.removeprefix("hint: ")
