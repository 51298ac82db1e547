"""One end of a connection on the bench: orders for `given/one_end.py`, and what came of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from labs.lab04_stack.topology import Line
from labs.story.trace import PortEvent, Trace
from labs.testbed.scene import Offering, Port, Program, Scene
from netstack.wire import MILLISECOND

APART = 101 * MILLISECOND  # nobody looks now and then at just that time
SOON = MILLISECOND


def bench(name: str, orders: Sequence[str]) -> Scene:
    """A scene in which these orders are given, one each `APART`."""
    offers = tuple(Offering(order.encode(), n * APART) for n, order in enumerate(orders, 1))
    return Scene(
        name=name,
        topology=Line,
        programs=(Program(host="a", file="one_end.py"),),
        ports=(Port(host="a", offers=offers),),
    )


@dataclass(frozen=True, slots=True)
class Told:
    """What was told on the bench. Orders are counted from 1."""

    trace: Trace
    _lines: list[tuple[int, str]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._lines.extend((event.at, _text(event)) for event in self.trace.at_port("delivered", "a"))

    def came_of(self, order: int, *, after: int = 0) -> str:
        """What has come of an order soon after it, or after the order `after`; "" while it waits."""
        until = max(order, after) * APART + SOON
        told = (text for at, text in self._lines if at < until and text.startswith(f"{order}: "))
        return next(told, "").partition(": ")[2]

    def sent(self, end: str, *, before: int) -> list[int]:
        """The lengths of the messages that an end had sent when the order `before` was given."""
        return self._numbers(f"{end} sends ", before)

    def consumed(self, end: str, *, before: int) -> list[int]:
        """The totals that it had told by then, each once."""
        return self._numbers(f"{end} consumed ", before)

    def _numbers(self, beginning: str, before: int) -> list[int]:
        lines = (text for at, text in self._lines if at < before * APART and text.startswith(beginning))
        return [int(text.removeprefix(beginning)) for text in lines]


def _text(event: PortEvent) -> str:
    return event.payload.decode("ascii", "replace")
