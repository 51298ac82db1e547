"""What only the lecture on lab 4 reads out of a play: how far one may send, how far one has sent, what was read."""

from collections.abc import Iterable, Iterator

from labs.lab03_flow.evidence import heard, said
from labs.lab04_stack.evidence import behind, segments
from labs.story.chart import Chart, Series
from labs.story.notebook import Played
from labs.story.trace import Trace
from netstack.flow.messages import Ack, Data
from netstack.flow.sequence import distance
from netstack.wire import SECOND

Point = tuple[float, float]
READ = "b's program has read"


def window_chart(played: Played, *, hub: bool = False) -> Chart:
    """TCP's window over virtual time, in bytes of the stream, as the sending host a sees it."""
    trace = played.trace
    there, back = ("a-h", "h-a") if hub else ("a-b", "b-a")
    first = behind(segments(trace, there)[0].tcp)
    told = sorted(
        (at / SECOND, distance(first, one.tcp.acknowledgement) + one.tcp.window)
        for one in segments(trace, back)
        for at in one.frame.arrivals
    )
    sent = ((one.at / SECOND, distance(first, behind(one.tcp))) for one in segments(trace, there))
    return _chart("bytes of the stream", trace, list(_highest(told)), list(_highest(sent)), _read(trace))


def credit_chart(played: Played, *, first: int = 0, capacity: int) -> Chart:
    """The same of lab 3's credit, in messages."""
    trace = played.trace
    told = [(0.0, capacity)]
    for at, ack in heard(trace, "b-a"):
        if isinstance(ack, Ack):
            told.append((at / SECOND, distance(first, ack.number) + ack.credit))
    sent = [
        (frame.at / SECOND, distance(first, message.number) + 1)
        for frame, message in said(trace, "a-b")
        if isinstance(message, Data)
    ]
    read = [(at, float(count)) for count, (at, _) in enumerate(_read(trace))]
    return _chart("messages", trace, list(_highest(told)), list(_highest(sent)), read)


def _highest(points: Iterable[tuple[float, int]]) -> Iterator[Point]:
    """Each point, but never lower than one before."""
    most = 0.0
    for at, value in points:
        most = max(most, float(value))
        yield at, most


def _read(trace: Trace) -> list[Point]:
    points, total = [(0.0, 0.0)], 0
    for event in trace.at_port("delivered", "b"):
        total += len(event.payload)
        points.append((event.at / SECOND, float(total)))
    return points


def _chart(unit: str, trace: Trace, told: list[Point], sent: list[Point], read: list[Point]) -> Chart:
    series = []
    for name, points in (("a may send", told), ("a has sent", sent), (READ, read)):
        series.append(Series(name, [*points, (trace.ended_at / SECOND, points[-1][1])], "steps"))
    return Chart(title="How far", across="seconds of virtual time", up=unit, series=series)
