"""A unit script told call by call: what came back, what was expected, and a mark at the first that differs."""

from collections.abc import Iterator

from labs.story.rows import hanging, hanging_rows
from labs.testbed.judge import Outcome, Told

_OURS = " = netstack."


def is_script(outcome: Outcome | None) -> bool:
    """Whether an outcome was decided by a unit script."""
    return outcome is not None and any(told.came for told in outcome.story[-1:])


def is_prop(told: Told) -> bool:
    """Whether a line only makes a value of ours, which a later line shows as an argument."""
    return told.held is True and _OURS in told.text


def calls(outcome: Outcome) -> Iterator[str]:
    """The unit scripts of an outcome, a few rows for each call."""
    for told in outcome.story:
        if not told.came or is_prop(told):
            continue
        yield hanging("   " if told.held else ">> ", told.text)
        if told.held and told.came != "None":
            yield hanging_rows("       came back  ", f"{told.came}, as expected")
        elif not told.held:
            yield hanging_rows("       came back  ", told.came)
            yield hanging_rows("       expected   ", told.wanted or "what the line says")
    if outcome.broken is not None and outcome.broken.not_reached:
        yield f"   {len(outcome.broken.not_reached)} more calls, which count for nothing after this"
