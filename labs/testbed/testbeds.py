"""Which testbeds there are, and which can be had on this machine."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol

from labs.story.trace import Event
from labs.testbed import sim
from labs.testbed.cast import Cast
from labs.testbed.scene import Scene
from labs.testbed.sim import Played
from netstack.wire import Fault


class Play(Protocol):
    """Plays a scene; see `labs.testbed.sim.play`."""

    def __call__(
        self,
        scene: Scene,
        cast: Cast,
        *,
        seed: int,
        script: Sequence[Fault] = (),
        chance: bool = True,
        watch: Callable[[Event], None] | None = None,
    ) -> Played: ...


@cache
def why_not(testbed: str) -> str:
    """Why `testbed` cannot be had on this machine; "" when it can."""
    if testbed == "sim":
        return ""
    try:
        import labs.testbed.emulated as emulated
    except ImportError as error:
        return f"this machine lacks what emulated networks need ({error})"
    return emulated.why_not()


def play_on(testbed: str) -> Play:
    """The function that plays scenes on `testbed`, which must be one that can be had."""
    if testbed == "sim":
        return sim.play
    import labs.testbed.emulated as emulated

    return emulated.play


def choose(wanted: Sequence[str]) -> tuple[str, str]:
    """The first testbed of `wanted` that can be had, and ""; or "" and why none of them can."""
    for testbed in wanted:
        if not why_not(testbed):
            return testbed, ""
    return "", "; ".join(f"{testbed} cannot be had here: {why_not(testbed)}" for testbed in wanted)
