"""What counts as the right answer to a question."""

import pytest

from labs.questions import Question


@pytest.mark.parametrize(
    ("truth", "tolerance", "given", "right"),
    [
        pytest.param(105.0032, 0.5, 105, True, id="near enough"),
        pytest.param(105.0032, 0.5, 104, False, id="too far off"),
        pytest.param(105.0032, 0.5, "105.2", True, id="between quotation marks"),
        pytest.param(105.0032, 0.5, " 104 ", False, id="between quotation marks, too far off"),
        pytest.param(3, 0, "3", True, id="a whole number as text"),
        pytest.param(3, 0, 3.0, True, id="a whole number with a point"),
        pytest.param(0xC51B, 0, "0xC51B", True, id="hexadecimal"),
        pytest.param(3, 0, "three", False, id="no number"),
        pytest.param(3, 0, "", False, id="nothing"),
        pytest.param(3, 0, "inf", False, id="endless"),
        pytest.param(3, 10, "nan", False, id="not a number"),
        pytest.param(1, 0, True, False, id="true is not one"),
        pytest.param("Credit", 0, " credit ", True, id="text, whatever its case"),
        pytest.param("7", 0, 7, True, id="a text that is a number"),
    ],
)
def test_what_is_accepted(truth: object, tolerance: float, given: object, right: bool) -> None:
    assert Question("q1", "?", truth, tolerance=tolerance).accepts(given) is right
