"""What more than one check expects."""

import math
from itertools import pairwise

from labs.lab07_breaker.evidence import calls
from labs.lab07_breaker.scenes import DOWN, TIERS, TRIES, at, row
from labs.testbed.judge import Judge


def expect_a_bounded_storm(judge: Judge, *, count: int, reserve: float) -> None:
    """Play a storm of `count` questions within one window, and count what each tier makes of what reaches it."""
    asked = at(*(1 + n / 10 for n in range(count)))
    each = {"tries": TRIES, "budget": {"reserve": reserve}}
    trace = judge.play(row(asked, name="budgeted", each=each, cards=DOWN, seconds=12))
    made = count
    for one, other in pairwise(TIERS):
        asked_for, made = made, made + math.floor(0.2 * made + 10 * reserve + 1e-9)
        seen = len(calls(trace, f"{one}-{other}"))
        text = f"{one}, asked {asked_for} times within a window, calls {other} {made} times, retries included"
        judge.expect("storm:more", seen <= made, text, found=f"it called {seen} times")
        judge.expect("storm:fewer", seen == made, text, found=f"it called {seen} times")
